import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from '../support/otel-process.ts'

function run(way: string, option = '', flags: readonly string[] = [], app = 'stray-app') {
  const args = ['--conditions=koa-afterglow-source', ...flags, join(root, `test/support/${app}.ts`), way, option]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  const said = stdout.trim().split('\n')
  return {
    status,
    stderr,
    alive: said.at(-1)?.includes('alive') === true,
    seen: said.filter((line) => line.startsWith('{"task') || line.startsWith('{"foreign')).map(parsed),
  }
}
const parsed = (line: string) => JSON.parse(line) as Record<string, unknown>

describe('an error that escapes a task', () => {
  test.each([
    ['floating rejection', 'floating'],
    ['rejection after the task ended', 'after the end'],
    ['microtask', 'microtask'],
    ['stream', 'stream'],
    ['rejection with a string', expect.stringContaining('string')],
    ['rejection with undefined', expect.stringContaining('undefined')],
  ])('%s: put on the task, contained, and the process lives', (way, message) => {
    const { status, alive, seen, stderr } = run(way)
    expect(seen).toEqual([{ task: 'culprit', message, contained: true }])
    expect([status, alive, stderr]).toEqual([0, true, ''])
  })

  test('of a task that a task added is put on that one', () => {
    expect(run('nested task').seen).toEqual([{ task: 'child', message: 'nested', contained: true }])
  })

  test.each([
    ['throw in a timer', 'timer'],
    ['emitter without a listener', 'emitter'],
  ])('%s: put on the task, never contained', (way, message) => {
    const { status, alive, seen, stderr } = run(way)
    expect(seen).toEqual([{ task: 'culprit', message, contained: false }])
    expect([status, alive]).toEqual([1, false])
    expect(stderr).toContain(`Error: ${message}`)
  })

  test("'report' puts it on the task once and leaves the rest to Node", () => {
    const { status, alive, seen } = run('floating rejection', 'report')
    expect(seen).toEqual([{ task: 'culprit', message: 'floating', contained: false }])
    expect([status, alive]).toEqual([1, false])
  })

  test('a listener of the application decides, and we only report', () => {
    const { status, alive, seen } = run('floating rejection', 'foreign listener')
    expect(seen).toEqual([{ task: 'culprit', message: 'floating', contained: false }, { foreign: true }])
    expect([status, alive]).toEqual([0, true])
  })

  test('--unhandled-rejections=strict wins', () => {
    const { status, alive } = run('floating rejection', '', ['--unhandled-rejections=strict'])
    expect([status, alive]).toEqual([1, false])
  })
})

describe('a rejection that belongs to no task', () => {
  test.each([['throw'], ['strict'], ['warn'], ['none'], ['warn-with-error-codes']])(
    'under --unhandled-rejections=%s ends the process, or not, in the very words of a process without us',
    (mode) => {
      const flags = [`--unhandled-rejections=${mode}`]
      const without = run('plain rejection', 'without us', flags)
      const withUs = run('plain rejection', '', flags)
      const words = ({ stderr }: typeof withUs) =>
        stderr.replaceAll(/\(node:\d+\)/g, '(node)').replaceAll(/rejection id: \d+/g, 'rejection id')
      expect(words(withUs)).toBe(words(without))
      expect([withUs.status, withUs.alive]).toEqual([without.status, without.alive])
    },
  )
})

/** From Node 24 on a rejection surfaces in the context of whoever rejected; before, in that of whoever made the promise. */
const BY_REJECTER = Number(process.versions.node.split('.')[0]) >= 24

describe('a rejection on a pooled connection, whose data comes in where the connection was opened', () => {
  const opener = (contained: boolean) => [{ task: 'opener', message: 'bad', contained }]
  const borrower = [{ task: 'borrower', message: 'bad', contained: true }]

  test.each([
    ['opened by a task just now, used by a task', opener(true), true, borrower, true],
    ['opened by a task, used by a task, long ago', opener(false), false, borrower, true],
    ['opened by a task just now, used by a handler', opener(true), true, [], false],
    ['opened by a task, used by a handler, long ago', opener(false), false, [], false],
    ['opened outside, used by a task', [], false, borrower, true],
    ['opened outside, used by a handler', [], false, [], false],
  ])('%s: a best guess', (scenario, since24, livesSince24, before, livesBefore) => {
    const { status, alive, seen, stderr } = run(scenario, '', [], 'stray-pool-app')
    expect(seen).toEqual(BY_REJECTER ? since24 : before)
    const lives = BY_REJECTER ? livesSince24 : livesBefore
    expect([status, alive]).toEqual([lives ? 0 : 1, lives])
    if (!lives) expect(stderr).toContain('Error: bad')
  })

  test.each([
    ['awaited: opened by a task, used by a task, long ago', borrower, true],
    ['awaited: opened outside, used by a task', borrower, true],
    ['awaited: opened by a task just now, used by a handler', [], false],
    ['awaited: opened by a task, used by a handler, long ago', [], false],
  ])('%s: put on whoever awaited it, on every Node', (scenario, whom, lives) => {
    const { status, alive, seen } = run(scenario, '', [], 'stray-pool-app')
    expect(seen).toEqual(whom)
    expect([status, alive]).toEqual([lives ? 0 : 1, lives])
  })

  test('is never contained unless the task it is put on runs or has just ended', () => {
    for (const user of ['task', 'handler']) {
      const { seen, alive } = run(`opened by a task, used by a ${user}, long ago`, '', [], 'stray-pool-app')
      expect(seen.filter(({ task, contained }) => task === 'opener' && contained)).toEqual([])
      if (BY_REJECTER) expect(alive).toBe(false)
    }
  })
})

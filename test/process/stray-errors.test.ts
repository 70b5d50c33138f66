import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from '../support/otel-process.ts'

function run(way: string, option = '', flags: readonly string[] = []) {
  const args = ['--conditions=koa-afterglow-source', ...flags, join(root, 'test/support/stray-app.ts'), way, option]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  const said = stdout.trim().split('\n')
  return {
    status,
    stderr,
    alive: said.at(-1) === 'alive',
    seen: said.filter((line) => line.startsWith('{')).map(parsed),
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

import { availableParallelism } from 'node:os'
import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask } from 'koa-afterglow'
import { resolveThreads } from '../../src/threads/options.ts'
import { thrownBy } from '../support/runner.ts'

const thread = new URL('../support/thread-work.ts', import.meta.url)
const loose = (definition: object) => thrownBy(() => defineTask(definition as { name: string; run: () => void }))

describe('defineTask with `thread`', () => {
  test.each<[string, object, string]>([
    [
      'a path',
      { thread: './work.js' },
      "`thread` must be the URL of a file: new URL('./work.js', import.meta.url), got './work.js'",
    ],
    ['a URL of the web', { thread: new URL('https://example.com/work.js') }, "got 'https://example.com/work.js'"],
    ['null', { thread: null }, 'got object'],
    ['a function as well', { thread, run: () => 1 }, 'either `run` or `thread`, not both'],
    ['an empty export', { thread, export: '' }, '`export` must be the name of an export of file:'],
    ['a list to transfer', { thread, transfer: [] }, '`transfer` must be a function'],
    ['an export without it', { run: () => 1, export: 'a' }, '`export` belongs to a task with `thread`'],
    ['a transfer without it', { run: () => 1, transfer: () => [] }, '`transfer` belongs to a task with `thread`'],
  ])('refuses %s where it is written', (_what, given, message) => {
    expect(loose({ name: 'a', ...given })).toMatchObject({
      code: 'ERR_AFTERGLOW_INVALID_OPTION',
      message: expect.stringContaining(message),
    })
  })

  test('takes a URL of another realm', () => {
    const foreign = { protocol: thread.protocol, href: thread.href, pathname: thread.pathname }
    const task = defineTask({ name: 'a', thread: foreign as URL })
    expect(() => createTasks({ logger: false, register: [task] })).not.toThrow()
  })

  test('checks the input at add(), before anything of it is accepted, and starts no thread for that', async () => {
    const tasks = createTasks({ logger: false })
    const spin = defineTask({ name: 'spin', thread, export: 'spin' })
    expect(thrownBy(() => tasks.add(spin, { done: () => 1 }))).toMatchObject({
      code: 'ERR_AFTERGLOW_INVALID_INPUT',
      issues: [{ path: 'done', message: 'a function at done' }],
    })
    expect(tasks.stats().submissions).toMatchObject({ accepted: 0, rejected: 1 })
    await tasks.close()
  })
})

describe('createTasks({ threads })', () => {
  test('leaves one core to the event loop, and takes what is said', () => {
    expect(resolveThreads()).toEqual({
      min: 0,
      max: Math.max(1, availableParallelism() - 1),
      maxQueue: 1_000,
      resourceLimits: undefined,
      idleTimeoutMs: 30_000,
    })
    expect(resolveThreads({ min: 64 })).toMatchObject({ min: 64, max: 64 })
    expect(resolveThreads({ max: 3, maxQueue: Infinity, idleTimeoutMs: Infinity })).toMatchObject({ max: 3 })
  })

  test.each<[object, string]>([
    [{ max: 0 }, 'expected `max`'],
    [{ min: 2, max: 1 }, '`min` (2) is more than `max` (1)'],
    [{ min: -1 }, 'expected `min`'],
    [{ maxQueue: 0 }, 'expected `maxQueue`'],
    [{ idleTimeoutMs: -1 }, 'expected `idleTimeoutMs`'],
    [{ maxThreads: 1 }, "there is no option 'maxThreads'"],
    [{ resourceLimits: { memory: 1 } }, "there is no option 'memory'"],
    [{ resourceLimits: { maxOldGenerationSizeMb: '1' } }, 'expected `maxOldGenerationSizeMb`'],
  ])('refuses %j', (threads, message) => {
    expect(() => createTasks({ threads })).toThrow(message)
  })
})

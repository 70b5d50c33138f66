import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask, inProcess, type Engine, type TaskSettings } from 'koa-afterglow'
import { memoryEngine } from 'koa-afterglow/testing'
import { durableTasks, resultsOf } from '../../support/durable.ts'

const durable = (settings: TaskSettings = {}) =>
  defineTask({ name: 'note', engine: 'durable', run: () => 1, ...settings })

describe('what a durable engine cannot mean is an error where it is known first', () => {
  const atStart: readonly (readonly [string, TaskSettings, RegExp])[] = [
    [
      "runOn 'sent'",
      { runOn: 'sent' },
      /task 'note': engine 'memory' has no `runOn: 'sent'`.*use 'settled' or 'success'/,
    ],
    ['maxPending', { maxPending: 5 }, /engine 'memory' has no `maxPending`.*tasks\.guard\(\)/],
  ]
  test.each(atStart)('at start: %s', (_name, settings, message) => {
    const engines = { durable: memoryEngine() }
    expect(() => createTasks({ logger: false, engines, register: [durable(settings)] })).toThrow(message)
  })

  test("at start: also where it comes from the application's defaults", () => {
    const options = {
      logger: false as const,
      engines: { default: memoryEngine() },
      defaults: { runOn: 'sent' as const },
    }
    const task = defineTask({ name: 'note', run: () => 1 })
    expect(() => createTasks({ ...options, register: [task] })).toThrow(/engine 'memory' has no `runOn: 'sent'`/)
  })

  const atAdd: readonly (readonly [string, object, RegExp])[] = [
    ['key', { key: 'ada' }, /add\('note'\): engine 'memory' has no `key`/],
    ["override.runOn 'sent'", { override: { runOn: 'sent' } }, /has no `runOn: 'sent'`/],
    ['override.expected', { override: { expected: [Error] } }, /has no `override\.expected`/],
    [
      'a transaction before the response is decided',
      { transaction: {}, override: { runOn: 'success' } },
      /has no `transaction` with/,
    ],
  ]
  test.each(atAdd)('at add: %s', (_name, options, message) => {
    const { tasks } = durableTasks()
    expect(() => tasks.add(durable(), undefined, options)).toThrow(message)
    expect(tasks.stats().submissions).toMatchObject({ accepted: 0, rejected: 0 })
  })

  test('at add: what the engine itself says that it cannot', () => {
    const engine: Engine = {
      name: 'memory',
      capabilities: { durable: true, delay: false, priority: false, lateByMs: 0 },
      start: () => undefined,
      enqueue: () => [],
      cancel: () => 'unknown',
      wake: () => undefined,
      stop: () => [],
      stats: () => ({ scope: 'store', ready: 0, delayed: 0, running: 0, oldestReadyMs: 0 }),
    }
    const tasks = createTasks({ logger: false, engines: { durable: engine } })
    const note = durable()
    expect(() => tasks.add(note, undefined, { delayMs: 5 })).toThrow(/engine 'memory' has no `delayMs`/)
    expect(() => tasks.add(note, undefined, { priority: 'high' })).toThrow(/engine 'memory' has no `priority`/)
    expect(() => tasks.add(note, undefined, { transaction: {} })).toThrow(/engine 'memory' has no `transaction`/)
  })

  test('`after` with a durable task on either side: its end is learnt elsewhere', () => {
    const { tasks } = durableTasks()
    const [local, task] = [tasks.add('local', () => 1), durable()]
    expect(() => tasks.add(task, undefined, { after: [local] })).toThrow(
      /engine 'memory' has no `after`.*let that task add it/,
    )
    const note = tasks.add(task)
    expect(() => tasks.add('then', () => 1, { after: [note] })).toThrow(
      /`after` has 'note', a task of a durable engine/,
    )
  })
})

describe('functions and closures, which cannot be stored', () => {
  test('run in this process where tasks go to a durable engine by default; one warning says so', async () => {
    const { tasks, clock, seen } = durableTasks({ defaults: { engine: 'durable' } })
    function named() {}
    tasks.add('closure', () => 1)
    tasks.add(named)
    await clock.settle()
    expect(seen.outcomes.map(({ name, outcome }) => [name, outcome.outcome])).toEqual([
      ['closure', 'completed'],
      ['named', 'completed'],
    ])
    expect(seen.events).toEqual([{ type: 'not_durable', name: 'closure' }])
  })

  test('run in this process also where there is no other engine', async () => {
    const tasks = createTasks({ logger: false, engines: { default: memoryEngine() } })
    expect(await tasks.add('closure', () => 1).settled).toMatchObject({ outcome: 'completed', value: 1 })
    await tasks.close()
  })

  test('are refused where they ask for the durable engine', () => {
    const { tasks } = durableTasks()
    expect(() => tasks.add('closure', () => 1, { override: { engine: 'durable' } })).toThrow(
      /engine 'memory' has no functions/,
    )
  })

  test('without a durable default nobody is warned', async () => {
    const { tasks, clock, seen } = durableTasks({ engines: { default: inProcess() } })
    tasks.add('closure', () => 1)
    await clock.settle()
    expect(seen.events).toEqual([])
  })
})

test('an input that does not survive JSON is refused at add(), and counted as rejected', () => {
  const { tasks, seen } = durableTasks()
  const task = defineTask({ name: 'note', engine: 'durable', run: (_input: { total: bigint }) => 1 })
  expect(() => tasks.add(task, { total: 10n })).toThrow(
    /its engine stores inputs as JSON, and input\.total is a bigint/,
  )
  expect(resultsOf(seen)).toEqual(['note rejected'])
})

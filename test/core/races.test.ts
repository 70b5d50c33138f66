import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask, type TaskHandle } from 'koa-afterglow'
import { gate, manualTasks, missing, seeing } from '../support/runner.ts'

const fail = () => {
  throw new Error('no')
}

describe('what happens at the same moment', () => {
  test('cancelling a whole batch in onDead settles each of it once', async () => {
    const handles: TaskHandle[] = []
    const onDead = () => handles.forEach((handle) => handle.cancel())
    const { tasks, clock, seen } = manualTasks({ hooks: { onDead } })
    const work = gate()
    handles.push(tasks.add('bad', fail))
    for (let n = 0; n < 3; n++) handles.push(tasks.add('running', () => work.promise))
    await clock.settle()
    expect(missing(tasks)).toBe(0)
    work.resolve()
    await clock.settle()
    await tasks.idle()
    expect(seen.outcomes).toHaveLength(4)
    expect(missing(tasks)).toBe(0)
  })

  test('a cancel in onError stops the retry', async () => {
    const added: TaskHandle[] = []
    const onError = () => added.forEach((one) => one.cancel('enough'))
    const { tasks, clock, seen } = manualTasks({ hooks: { onError } })
    const handle = tasks.add('flaky', fail, { override: { retry: { attempts: 3, baseDelayMs: 1 } } })
    added.push(handle)
    await clock.advance(1_000)
    expect(await handle.settled).toMatchObject({ outcome: 'cancelled', reason: 'enough', attempts: 1 })
    expect(seen.attempts).toHaveLength(1)
    expect(missing(tasks)).toBe(0)
  })

  test('a keyed task that waits for another is added again, and runs once', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    let runs = 0
    const first = tasks.add('first', () => work.promise)
    const run = () => ++runs
    tasks.add('keyed', run, { key: 'k', after: [first] })
    tasks.add('keyed', run, { key: 'k' })
    await clock.settle()
    work.resolve()
    await clock.settle()
    expect(runs).toBe(1)
    expect(missing(tasks)).toBe(0)
  })

  test('two made-up names under one label do not share a key', async () => {
    const { tasks, clock } = manualTasks()
    for (let n = 0; n < 50; n++) tasks.add(`name-${n}`, () => n)
    const [one, two] = ['x', 'y'].map((name) => tasks.add(name, () => name, { key: 'same' }))
    await clock.settle()
    expect([one?.duplicate, two?.duplicate]).toEqual([false, false])
    expect(await two?.settled).toMatchObject({ value: 'y' })
  })

  test('a handler does not run once its task has ended, however late its middleware calls next()', async () => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 10 } })
    const late = gate()
    let ran = false
    tasks.use(async (_, next) => {
      await late.promise
      await next()
    })
    const handle = tasks.add('late', () => void (ran = true), { override: { timeoutMs: 10 } })
    await clock.advance(100)
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out' })
    late.resolve()
    await clock.settle()
    expect(ran).toBe(false)
  })

  test('a child added while the drain aborts its parent does not stay behind', async () => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 10 } })
    let child: TaskHandle | undefined
    tasks.add('parent', ({ add, signal }) => {
      signal.addEventListener('abort', () => (child = add('child', () => new Promise(() => {}))))
      return new Promise(() => {})
    })
    await clock.settle()
    const closing = tasks.close({ deadlineMs: 20 })
    await clock.advance(100)
    await closing
    expect(await child?.settled).toMatchObject({ outcome: 'interrupted' })
    expect(missing(tasks)).toBe(0)
    expect(Object.values(tasks.stats().inFlight)).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('an undefined field of a retry policy is its default, and a delay that is no number is computed', async () => {
    const { tasks, clock, seen } = manualTasks()
    const retry = { attempts: 2, baseDelayMs: undefined } as unknown as { attempts: number }
    tasks.add(defineTask({ name: 'holes', retry, run: fail }))
    tasks.add('nan', (task) => {
      if (task.attempt === 1) task.retry({ afterMs: Number.NaN, beyondAttempts: true })
    })
    await clock.advance(60_000)
    expect(seen.attempts.map(({ name, attempt }) => `${name} ${attempt}`).toSorted()).toEqual([
      'holes 1',
      'holes 2',
      'nan 1',
      'nan 2',
    ])
    expect(missing(tasks)).toBe(0)
  })
})

describe('hostile values', () => {
  test.each<[string, () => unknown]>([
    // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
    ['an object whose `then` throws when it is read', () => Object.defineProperty({}, 'then', { get: fail })],
    ['an error whose name throws', () => Promise.reject(Object.defineProperty(new Error('x'), 'name', { get: fail }))],
    ['an error whose name is a symbol', () => Promise.reject(Object.assign(new Error('x'), { name: Symbol('s') }))],
  ])('%s is a failed or discarded task, and nothing else', async (_, run) => {
    const { tasks, clock } = manualTasks({ defaults: { expected: [Error] } })
    const handle = tasks.add('hostile', run)
    await clock.settle()
    expect(['failed', 'discarded', 'completed']).toContain((await handle.settled).outcome)
    expect(missing(tasks)).toBe(0)
  })

  test('hooks that give back what is no promise are fine', async () => {
    const onError = () => 'event-id' as unknown as undefined
    const { tasks, clock, seen } = manualTasks({ hooks: { onError } })
    const handle = tasks.add('bad', fail)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed' })
    expect(seen.events).toEqual([])
  })

  test('an async observer that rejects is reported as itself', async () => {
    const { tasks, clock, seen } = manualTasks()
    const rejects = () => Promise.reject(new Error('no')) as unknown as undefined
    tasks.observe({ name: 'async', submitted: rejects, settled: rejects })
    tasks.add('work', () => 1)
    await clock.settle()
    expect(seen.events).toMatchObject([{ where: "observer 'async' submitted" }, { where: "observer 'async' settled" }])
  })

  test("one submission's own bulkhead is refused", () => {
    const { tasks } = manualTasks()
    for (const override of [{ concurrency: 1 }, { maxPending: 1 }])
      expect(() => tasks.add('mine', () => 1, { override })).toThrow('belong to the task')
  })

  test('an endless deadline waits, and one that is no deadline is refused', async () => {
    const seen = seeing()
    const tasks = createTasks({ logger: false }).observe(seen)
    const work = gate()
    const handle = tasks.add('work', () => work.promise, { override: { timeoutMs: Infinity } })
    await expect(createTasks({ logger: false }).close({ deadlineMs: Number.NaN })).rejects.toThrow('positive number')
    const closing = tasks.close({ deadlineMs: Infinity })
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
    work.resolve()
    expect(await closing).toMatchObject({ settled: 1, interrupted: [] })
    expect(await handle.settled).toMatchObject({ outcome: 'completed' })
  })
})

import { describe, expect, test } from '@jest/globals'
import type { EngineHost, Envelope, TaskObserver } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'

const boom = () => {
  throw new Error('observer broke')
}

describe('an observer', () => {
  test('that throws in every hook changes no outcome and is reported as itself', async () => {
    const { tasks, clock, seen } = manualTasks()
    tasks.observe({ name: 'broken', submitted: boom, attempt: boom, attempted: boom, settled: boom })
    const handle = tasks.add('work', () => 'fine')
    await clock.settle()
    expect(await handle.settled).toEqual({ outcome: 'completed', value: 'fine', attempts: 1 })
    const reported = seen.events.flatMap((event) => (event.type === 'failure_of_our_own' ? [event.where] : []))
    expect(reported.toSorted()).toEqual(
      ['submitted', 'attempt', 'attempted', 'settled'].map((hook) => `observer 'broken' ${hook}`).toSorted(),
    )
  })

  test('that rejects, never calls next or calls it twice still sees the task run exactly once', async () => {
    let runs = 0
    const observers: TaskObserver[] = [
      { name: 'rejects', attempt: async () => Promise.reject(new Error('no')) },
      { name: 'forgets', attempt: () => new Promise(() => {}) },
      { name: 'twice', attempt: async (_, next) => (await next(), next()) },
    ]
    const { tasks, clock } = manualTasks()
    for (const observer of observers) tasks.observe(observer)
    const handle = tasks.add('work', () => ++runs)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ value: 1 })
    expect(runs).toBe(1)
  })

  test('round an attempt sees the decided outcome, and cannot change it', async () => {
    const { tasks, clock } = manualTasks()
    const outcomes: string[] = []
    tasks.observe({
      name: 'liar',
      async attempt(_, next) {
        outcomes.push((await next()).outcome)
        return { outcome: 'completed', value: 'a lie', attempts: 1 }
      },
    })
    const handle = tasks.add('again', (task) => {
      if (task.attempt === 1) task.retry({ afterMs: 1, beyondAttempts: true })
      return 'truth'
    })
    await clock.advance(10)
    expect(outcomes).toEqual(['retried', 'completed'])
    expect(await handle.settled).toMatchObject({ value: 'truth' })
  })

  test('is told of an end exactly once, run or not', async () => {
    const { tasks, clock, seen } = manualTasks()
    tasks.add('ran', () => 1)
    tasks.add('cancelled', () => 1, { delayMs: 10 }).cancel()
    await clock.advance(100)
    expect(seen.outcomes.map(({ name, byAttempt }) => [name, byAttempt])).toEqual([
      ['cancelled', false],
      ['ran', true],
    ])
  })

  test.each(['use', 'observe'] as const)('%s() after the first task is refused', (act) => {
    const { tasks } = manualTasks()
    tasks.add('first', () => 1)
    const late = act === 'use' ? () => tasks.use(async (_, next) => next()) : () => tasks.observe({ name: 'late' })
    expect(late).toThrow(`${act}() comes too late`)
  })
})

describe('work middleware', () => {
  test('that swallows an error leaves the task completed, and the error counted and kept', async () => {
    const { tasks, clock } = manualTasks()
    tasks.use(async (_, next) => {
      try {
        await next()
      } catch {
        // what people write
      }
    })
    const handle = tasks.add('swallowed', () => {
      throw new TypeError('seen all the same')
    })
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'completed', handled: { message: 'seen all the same' } })
  })
})

describe('an engine', () => {
  const broken = (parts: object) => ({
    name: 'broken',
    capabilities: { durable: false, delay: false, priority: false, lateByMs: 0 },
    enqueue: () => [],
    start: () => undefined,
    cancel: () => 'unknown' as const,
    wake: () => undefined,
    stop: () => [],
    stats: () => ({ scope: 'process' as const, ready: 0, delayed: 0, running: 0, oldestReadyMs: 0 }),
    ...parts,
  })

  test.each([
    ['throws', { enqueue: boom }],
    ['rejects', { enqueue: () => Promise.reject(new Error('store is down')) }],
  ])('that %s when it should take a task drops it visibly', async (_, parts) => {
    const { tasks, clock, seen } = manualTasks({ engines: { default: broken(parts) } })
    const handle = tasks.add('work', () => 1)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'dropped', error: { code: 'ERR_AFTERGLOW_ENGINE' } })
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: "engine 'broken'" }])
  })

  test('that says it refused a task drops that one', async () => {
    const enqueue = (batch: readonly { record: { id: string } }[]) =>
      batch.map(({ record: { id } }) => ({ id, result: 'rejected' as const }))
    const { tasks, clock } = manualTasks({ engines: { default: broken({ enqueue }) } })
    const handle = tasks.add('work', () => 1)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'dropped', reason: 'the engine answered: rejected' })
  })

  test('that fails to acknowledge is an error of its own, and the finished task is not run again', async () => {
    let runs = 0
    let host: EngineHost | undefined
    const start = (given: EngineHost) => void (host = given)
    const enqueue = (batch: readonly Envelope[]) => (
      batch.forEach((one) => setImmediate(() => host?.run(one, boom))),
      []
    )
    const { tasks, clock, seen } = manualTasks({ engines: { default: broken({ start, enqueue }) } })
    const handle = tasks.add('work', () => ++runs)
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 1 })
    await clock.settle()
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', error: { code: 'ERR_AFTERGLOW_ENGINE' } }])
    expect(runs).toBe(1)
  })
})

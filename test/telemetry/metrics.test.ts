import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { metrics } from '@opentelemetry/api'
import { defineTask } from 'koa-afterglow'
import { AttemptAttributeSets } from '../../src/telemetry/metrics/attempt-attributes.ts'
import { ErrorTypes } from '../../src/telemetry/metrics/error-types.ts'
import { by, histogram, missingIn, total } from '../support/points.ts'
import { gate, manualTasks } from '../support/runner.ts'
import { forgetMetrics, SDK_NAMES, SDKS } from '../support/telemetry.ts'

const mail = defineTask({
  name: 'mail',
  run: (input: 'fine' | 'broken') => {
    if (input === 'broken') throw new TypeError('boom')
  },
})

beforeEach(forgetMetrics)

describe.each(SDK_NAMES)('metrics with %s', (sdkName) => {
  test('every series that alerts rest on is there at zero before the first task', async () => {
    await using sdk = SDKS[sdkName]()
    manualTasks({ register: [mail] })
    const points = await sdk.points()
    expect(by(points, 'afterglow.task.settled', 'afterglow.task.outcome')).toEqual({
      completed: 0,
      failed: 0,
      timed_out: 0,
      discarded: 0,
      cancelled: 0,
      skipped: 0,
      dropped: 0,
      interrupted: 0,
      handed_over: 0,
    })
    expect(by(points, 'afterglow.task.submissions', 'afterglow.submission.result')).toEqual({
      accepted: 0,
      rejected: 0,
      duplicate: 0,
      fetched: 0,
    })
    for (const name of ['retries', 'handled_errors', 'stray_errors', 'oldest_running_age'])
      expect(by(points, `afterglow.task.${name}`, 'afterglow.task.name')).toEqual({ mail: 0 })
    expect(by(points, 'afterglow.queue.oldest_age', 'afterglow.engine')).toEqual({ in_process: 0 })
    expect(by(points, 'afterglow.runner.errors', 'afterglow.component')).toEqual({
      hook: 0,
      observer: 0,
      engine: 0,
      services: 0,
      runner: 0,
    })
  })

  test('counters equal the ledger, and histograms have one point per attempt', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks()
    for (const input of ['fine', 'broken', 'fine'] as const) tasks.add(mail, input)
    tasks.add(mail, 'fine', { delayMs: 1_000 })
    await clock.settle()
    const points = await sdk.points()
    expect(by(points, 'afterglow.task.settled', 'afterglow.task.outcome')).toMatchObject(tasks.stats().outcomes)
    expect(by(points, 'afterglow.task.count', 'afterglow.task.state')).toEqual(tasks.stats().inFlight)
    const runs = points.filter(({ name }) => name === 'afterglow.task.run.duration')
    expect(runs.map(({ attributes, value }) => [attributes, (value as { count: number }).count])).toEqual([
      [{ 'afterglow.task.name': 'mail', 'afterglow.engine': 'in_process', 'afterglow.task.outcome': 'completed' }, 2],
      [
        {
          'afterglow.task.name': 'mail',
          'afterglow.engine': 'in_process',
          'afterglow.task.outcome': 'failed',
          'error.type': 'TypeError',
        },
        1,
      ],
    ])
    expect(histogram(points, 'afterglow.task.wait.duration').count).toBe(3)
  })

  test('an SDK that starts after the tasks were made gets the whole ledger, at the next add', async () => {
    const { tasks, clock } = manualTasks()
    tasks.add(mail, 'broken')
    await clock.settle()
    await using sdk = SDKS[sdkName]()
    tasks.add(mail, 'fine')
    await clock.settle()
    const points = await sdk.points()
    expect(by(points, 'afterglow.task.settled', 'afterglow.task.outcome')).toMatchObject({ completed: 1, failed: 1 })
    expect(by(points, 'afterglow.task.failures', 'error.type')).toEqual({ TypeError: 1 })
    await tasks.close()
  })

  test('an SDK that starts late gets the whole ledger within a second, also if nothing is ever added again', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance', 'queueMicrotask'] })
    const { tasks, clock } = manualTasks()
    tasks.add(mail, 'fine')
    await clock.settle()
    const sdk = SDKS[sdkName]()
    // The look-out, and the interval of the reader.
    expect(jest.getTimerCount()).toBe(2)
    jest.advanceTimersByTime(1_000)
    expect(jest.getTimerCount()).toBe(1)
    jest.useRealTimers()
    expect(total(await sdk.points(), 'afterglow.task.settled')).toBe(1)
    await sdk[Symbol.asyncDispose]()
  })

  test('an SDK that replaces another gets the whole ledger', async () => {
    const { tasks, clock } = manualTasks()
    await using first = SDKS[sdkName]()
    tasks.add(mail, 'fine')
    await clock.settle()
    expect(total(await first.points(), 'afterglow.task.settled')).toBe(1)
    metrics.disable()
    await using second = SDKS[sdkName]()
    tasks.add(mail, 'fine')
    await clock.settle()
    const points = await second.points()
    expect(total(points, 'afterglow.task.settled')).toBe(2)
    expect(histogram(points, 'afterglow.task.run.duration').count).toBe(1)
    // The first is let go of, even if it goes on collecting.
    expect(total(await first.points(), 'afterglow.task.settled')).toBe(1)
  })

  test('with delta temporality each collection has what happened since the last', async () => {
    await using sdk = SDKS[sdkName]({ temporality: 'DELTA' })
    const { tasks, clock } = manualTasks()
    for (const expected of [1, 2, 0, 3]) {
      for (let n = 0; n < expected; n++) tasks.add(mail, 'broken')
      await clock.settle()
      const points = await sdk.points()
      expect(total(points, 'afterglow.task.settled')).toBe(expected)
      expect(total(points, 'afterglow.task.failures')).toBe(expected)
    }
  })

  test('with two readers both see everything', async () => {
    await using sdk = SDKS[sdkName]({ readers: 2 })
    const { tasks, clock } = manualTasks()
    for (const expected of [1, 2]) {
      tasks.add(mail, 'fine')
      await clock.settle()
      for (const reader of [0, 1]) expect(total(await sdk.points(reader), 'afterglow.task.settled')).toBe(expected)
    }
  })

  test('the ledger balances in each collection, whatever is on its way', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks({ concurrency: 2, limits: { maxPending: 8 } })
    const { promise, resolve } = gate()
    const seen: number[] = []
    const look = async () => seen.push(missingIn(await sdk.points()))
    for (let n = 0; n < 12; n++) {
      const work = (): unknown => (n % 3 === 0 ? promise : n % 3 === 1 ? 1 : Promise.reject(new Error('boom')))
      const override = { onOverload: 'drop', retry: { attempts: 2, backoff: 'fixed' } } as const
      tasks.add('mixed', work, { delayMs: n % 4 === 0 ? 50 : 0, override }).cancel(n === 7 ? 'why not' : undefined)
      await look()
      await clock.advance(20)
      await look()
    }
    resolve()
    await clock.advance(1_000)
    await look()
    await tasks.close()
    await look()
    expect(new Set(seen)).toEqual(new Set([0]))
    expect(total(await sdk.points(), 'afterglow.task.submissions')).toBe(12)
  })

  test('beyond ten error types of one task the rest count as _OTHER', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks()
    for (let n = 0; n < 15; n++) {
      const type = { [`Error${n}`]: class extends Error {} }[`Error${n}`] as new () => Error
      tasks.add('many-errors', () => {
        throw new type()
      })
    }
    await clock.settle()
    const points = await sdk.points()
    const types = points
      .filter(({ name }) => name === 'afterglow.task.run.duration')
      .map(({ attributes, value }) => [attributes['error.type'], (value as { count: number }).count])
    expect(types).toHaveLength(11)
    expect(types.at(-1)).toEqual(['_OTHER', 5])
    expect(Object.keys(by(points, 'afterglow.task.failures', 'error.type'))).toHaveLength(11)
    expect(by(points, 'afterglow.task.failures', 'error.type')).toMatchObject({ Error3: 1, _OTHER: 5 })
  })

  test('functions and closures beyond 50 names count as _OTHER; defined tasks never do', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks({ logger: false })
    for (let n = 0; n < 60; n++) tasks.add(`closure-${n}`, () => 1)
    for (let n = 0; n < 60; n++) tasks.add(defineTask({ name: `defined-${n}`, run: () => 1 }))
    await clock.settle()
    const labels = Object.keys(by(await sdk.points(), 'afterglow.task.retries', 'afterglow.task.name'))
    expect(labels.filter((label) => label.startsWith('closure-'))).toHaveLength(50)
    expect(labels.filter((label) => label.startsWith('defined-'))).toHaveLength(60)
    expect(labels).toContain('_OTHER')
  })
})

test('attempts of a task that runs on several engines are told apart by engine', () => {
  const sets = new AttemptAttributeSets(new ErrorTypes())
  for (const engine of ['a', 'b', 'a'])
    expect(sets.of('mail', engine).wait).toEqual({ 'afterglow.task.name': 'mail', 'afterglow.engine': engine })
  expect(sets.of('mail', 'b')).toBe(sets.of('mail', 'b'))
})

import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createTasks, defineTask } from 'koa-afterglow'
import { systemClock, type Timer } from '../../src/core/clock.ts'
import { by, missingIn, only, total } from '../support/points.ts'
import { gate, manualTasks, thrownBy } from '../support/runner.ts'
import { forgetMetrics, SDK_NAMES, SDKS, type SeenPoint } from '../support/telemetry.ts'

const mail = defineTask({ name: 'mail', run: () => 1 })
const accepted = (points: readonly SeenPoint[]) =>
  by(points, 'afterglow.task.submissions', 'afterglow.submission.result')['accepted']

beforeEach(forgetMetrics)

describe.each(SDK_NAMES)('runners of one process with %s', (sdkName) => {
  test('are one sum: same-named counters do not overwrite each other', async () => {
    await using sdk = SDKS[sdkName]()
    const one = manualTasks({ concurrency: 3, limits: { maxPending: 10 } })
    const other = manualTasks({ concurrency: 4, limits: { maxPending: 20 } })
    const { promise } = gate()
    one.tasks.add(mail)
    one.tasks.add(mail)
    one.tasks.add(mail, undefined, { delayMs: 1_000 })
    other.tasks.add(mail)
    other.tasks.add('slow', () => promise)
    await one.clock.settle()
    await other.clock.settle()
    const points = await sdk.points()
    expect(by(points, 'afterglow.task.settled', 'afterglow.task.outcome')).toMatchObject({ completed: 0, failed: 0 })
    expect(total(points, 'afterglow.task.settled', (task) => task['afterglow.task.name'] === 'mail')).toBe(3)
    expect(by(points, 'afterglow.task.count', 'afterglow.task.state')).toMatchObject({
      running: 1,
      delayed: 1,
    })
    expect(only(points, 'afterglow.queue.capacity')).toBe(30)
    expect(only(points, 'afterglow.concurrency.limit')).toBe(7)
    expect(only(points, 'afterglow.runner.info')).toBe(2)
    expect(missingIn(points)).toBe(0)
  })

  test('keep their counts when they close, so that no counter goes back', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks({ register: [mail] })
    tasks.add(mail)
    await clock.settle()
    await tasks.close()
    const closed = await sdk.points()
    expect(accepted(closed)).toBe(1)
    expect(missingIn(closed)).toBe(0)
    expect(only(closed, 'afterglow.runner.info')).toBe(0)
    expect(closed.filter(({ name }) => name === 'afterglow.queue.capacity')).toEqual([])
    const next = manualTasks({ register: [mail] })
    next.tasks.add(mail)
    expect(accepted(await sdk.points())).toBe(2)
    await next.clock.settle()
    await next.tasks.close()
  })

  test('count what they refuse after they closed', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks } = manualTasks()
    await tasks.close()
    thrownBy(() => tasks.add(mail))
    thrownBy(() => tasks.add(mail))
    expect(by(await sdk.points(), 'afterglow.task.submissions', 'afterglow.submission.result')).toMatchObject({
      rejected: 2,
      accepted: 0,
    })
  })

  test('leave nothing but their counts behind, however many were opened and closed', async () => {
    await using sdk = SDKS[sdkName]()
    for (let n = 0; n < 1_000; n++) {
      const { tasks, clock } = manualTasks()
      tasks.add(mail)
      tasks.add(`closure-${n}`, () => 1)
      await clock.settle()
      await tasks.close()
    }
    const points = await sdk.points()
    expect(accepted(points.filter(({ attributes }) => attributes['afterglow.task.name'] === 'mail'))).toBe(1_000)
    expect(missingIn(points)).toBe(0)
    expect(only(points, 'afterglow.runner.info')).toBe(0)
    // mail, the first 50 closures, and the rest as one.
    expect(points.filter(({ name }) => name === 'afterglow.task.retries')).toHaveLength(52)
  })

  test('share them between two copies of this package', async () => {
    await using sdk = SDKS[sdkName]()
    const one = manualTasks()
    one.tasks.add(mail)
    jest.resetModules()
    const copy: typeof import('koa-afterglow') = await import('koa-afterglow')
    expect(copy.createTasks).not.toBe(createTasks)
    const other = copy.createTasks({ logger: false })
    other.add(mail)
    const points = await sdk.points()
    expect(accepted(points)).toBe(2)
    expect(only(points, 'afterglow.runner.info')).toBe(2)
    await other.close()
  })
})

test('without an SDK open runners are looked after by one timer, and closed ones by none', async () => {
  const { setTimer } = systemClock
  const open = new Set<Timer>()
  jest.spyOn(systemClock, 'setTimer').mockImplementation((fire, ms) => {
    const timer = setTimer(fire, ms)
    open.add(timer)
    return Object.assign(Object.create(timer) as Timer, {
      unref: () => timer.unref(),
      close: () => (open.delete(timer), timer.close()),
    })
  })
  const many = [manualTasks(), manualTasks(), manualTasks()]
  expect(open.size).toBe(1)
  for (const { tasks } of many) await tasks.close()
  expect(open.size).toBe(0)
})

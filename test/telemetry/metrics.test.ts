import { describe, expect, test } from '@jest/globals'
import { defineTask } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'
import { SDK_NAMES, SDKS, type SeenPoint } from '../support/telemetry.ts'

const mail = defineTask({
  name: 'mail',
  run: (input: 'fine' | 'broken') => {
    if (input === 'broken') throw new TypeError('boom')
  },
})

/** The values of one metric by the attribute that tells its series apart. */
const by = (points: readonly SeenPoint[], name: string, attribute: string): Record<string, unknown> =>
  Object.fromEntries(
    points
      .filter((point) => point.name === name)
      .map(({ attributes, value }) => [String(attributes[attribute]), value]),
  )

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
    expect(by(points, 'afterglow.task.retries', 'afterglow.task.name')).toEqual({ mail: 0 })
    expect(by(points, 'afterglow.task.handled_errors', 'afterglow.task.name')).toEqual({ mail: 0 })
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
    expect(points.filter(({ name }) => name === 'afterglow.task.wait.duration')).toMatchObject([
      { value: { count: 3 } },
    ])
  })

  test('an SDK that starts after the tasks were made gets the whole ledger, at the next add', async () => {
    const { tasks, clock } = manualTasks()
    tasks.add(mail, 'fine')
    await clock.settle()
    await using sdk = SDKS[sdkName]()
    tasks.add(mail, 'fine')
    await clock.settle()
    expect(by(await sdk.points(), 'afterglow.task.settled', 'afterglow.task.outcome')).toMatchObject({ completed: 2 })
    await tasks.close()
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
    const types = (await sdk.points())
      .filter(({ name }) => name === 'afterglow.task.run.duration')
      .map(({ attributes, value }) => [attributes['error.type'], (value as { count: number }).count])
    expect(types).toHaveLength(11)
    expect(types.at(-1)).toEqual(['_OTHER', 5])
  })
})

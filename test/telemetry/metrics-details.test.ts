import { beforeEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { defineTask, inProcess, type Engine, type Outcome } from 'koa-afterglow'
import { Failures } from '../../src/telemetry/metrics/failures.ts'
import { by, histogram, only, total } from '../support/points.ts'
import { gate, manualTasks, type Bench } from '../support/runner.ts'
import { forgetMetrics, SDK_NAMES, SDKS, served } from '../support/telemetry.ts'

const forever = new Promise<never>(() => {})
const slow = defineTask({ name: 'slow', timeoutMs: Infinity, run: () => forever })

/** Asks a Koa app once, whose handler adds what `add` adds; the response has settled then, and nothing has started. */
async function asked({ tasks }: Bench, add: (ctx: Koa.Context) => void): Promise<void> {
  const app = new Koa()
  app.silent = true
  app.use(tasks.middleware()).use((ctx) => {
    ctx['_matchedRoute'] = ctx.path
    add(ctx)
    ctx.body = 'ok'
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(app.callback())
  await server.get('/orders')
}

beforeEach(forgetMetrics)

describe.each(SDK_NAMES)('metrics with %s', (sdkName) => {
  test('response_gap: from the end of a response to the first start of its tasks, once per request', async () => {
    await using sdk = SDKS[sdkName]()
    const bench = manualTasks({ concurrency: 1 })
    const { promise, resolve } = gate()
    bench.tasks.add('first in line', () => promise)
    await bench.clock.settle()
    await asked(bench, (ctx) => {
      for (let n = 0; n < 3; n++) ctx.tasks.add('mail', () => 1)
    })
    await bench.clock.advance(2_000)
    expect(histogram(await sdk.points(), 'afterglow.task.response_gap')).toEqual({ count: 0, sum: 0 })
    resolve()
    await bench.clock.settle()
    expect(histogram(await sdk.points(), 'afterglow.task.response_gap')).toEqual({ count: 1, sum: 2 })
  })

  test('response_gap leaves out what would have waited anyway: delays, dependencies, keys, children', async () => {
    await using sdk = SDKS[sdkName]()
    const bench = manualTasks()
    await asked(bench, (ctx) => {
      const delayed = ctx.tasks.add('delayed', (task) => void task.add('child', () => 1), { delayMs: 1_000 })
      ctx.tasks.add('dependent', () => 1, { after: [delayed] })
      ctx.tasks.add('folded', () => 1, { key: 'one' })
    })
    await bench.clock.advance(5_000)
    expect(bench.tasks.stats().outcomes.completed).toBe(4)
    expect(histogram(await sdk.points(), 'afterglow.task.response_gap').count).toBe(0)
  })

  test('failures: by error and route, as many as settled badly', async () => {
    await using sdk = SDKS[sdkName]()
    const bench = manualTasks()
    await asked(bench, (ctx) => {
      ctx.tasks.add('mail', () => Promise.reject(new RangeError('boom')))
      ctx.tasks.add('hangs', () => forever, { override: { timeoutMs: 100 } })
      ctx.tasks.add('expires', () => 1, { delayMs: 20, expiresMs: 10 })
      ctx.tasks.add('fine', () => 1)
    })
    bench.tasks.add('mail', () => Promise.reject(new RangeError('boom')))
    bench.tasks.add('stopped', () => forever, { override: { timeoutMs: Infinity } })
    await bench.clock.advance(60_000)
    const closing = bench.tasks.close({ deadlineMs: 1_000 })
    await bench.clock.advance(10_000)
    await closing
    const points = await sdk.points()
    const failures = points.filter(({ name }) => name === 'afterglow.task.failures')
    expect(failures.map(({ attributes, value }) => [attributes, value])).toEqual(
      expect.arrayContaining([
        [{ 'afterglow.task.name': 'mail', 'error.type': 'RangeError', 'http.route': '/orders' }, 1],
        [{ 'afterglow.task.name': 'mail', 'error.type': 'RangeError' }, 1],
        [{ 'afterglow.task.name': 'hangs', 'error.type': 'TimeoutError', 'http.route': '/orders' }, 1],
        [{ 'afterglow.task.name': 'expires', 'error.type': 'dropped', 'http.route': '/orders' }, 1],
        [{ 'afterglow.task.name': 'stopped', 'error.type': 'interrupted' }, 1],
      ]),
    )
    const bad: readonly Outcome['outcome'][] = ['failed', 'timed_out', 'dropped', 'interrupted']
    const settledBadly = total(points, 'afterglow.task.settled', (one) =>
      bad.includes(one['afterglow.task.outcome'] as Outcome['outcome']),
    )
    expect(total(points, 'afterglow.task.failures')).toBe(settledBadly)
    expect(settledBadly).toBe(5)
  })

  test('oldest_age is of what is ready to run only, oldest_running_age is per task', async () => {
    await using sdk = SDKS[sdkName]()
    const bench = manualTasks({ concurrency: 1, register: [slow] })
    const { tasks, clock } = bench
    const running = tasks.add(slow)
    tasks.add('delayed', () => 1, { delayMs: 8_000 })
    tasks.add('dependent', () => 1, { after: [running] })
    await clock.advance(3_000)
    const before = await sdk.points()
    expect(by(before, 'afterglow.queue.oldest_age', 'afterglow.engine')).toEqual({ in_process: 0 })
    tasks.add('ready', () => 1)
    await clock.advance(7_000)
    tasks.add('ready', () => 2)
    await clock.settle()
    const points = await sdk.points()
    expect(by(points, 'afterglow.queue.oldest_age', 'afterglow.engine')).toEqual({ in_process: 7 })
    expect(by(points, 'afterglow.task.oldest_running_age', 'afterglow.task.name')).toMatchObject({ slow: 10, ready: 0 })
    expect(by(points, 'afterglow.task.count', 'afterglow.task.state')).toEqual({
      held: 0,
      blocked: 1,
      queued: 3,
      delayed: 0,
      running: 1,
      backoff: 0,
    })
  })

  test('a task whose backoff is over, and that finds no slot, is queued and ages', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks({ concurrency: 1 })
    const again = (task: { attempt: number; retry(options: { afterMs: number }): void }) =>
      task.attempt === 1 ? task.retry({ afterMs: 1_000 }) : undefined
    tasks.add('again', again, { override: { retry: { attempts: 2 } } })
    tasks.add(slow)
    await clock.settle()
    const state = async () => by(await sdk.points(), 'afterglow.task.count', 'afterglow.task.state')
    expect(await state()).toMatchObject({ backoff: 1, queued: 0, running: 1 })
    await clock.advance(3_000)
    expect(await state()).toMatchObject({ backoff: 0, queued: 1, running: 1 })
    expect(by(await sdk.points(), 'afterglow.queue.oldest_age', 'afterglow.engine')).toEqual({ in_process: 2 })
  })

  test('info says what a task is defined to be; limits are what they are set to', async () => {
    await using sdk = SDKS[sdkName]()
    const owned = defineTask({ name: 'owned', owner: 'growth', slo: 0.995, timeoutMs: 5_000, run: () => 1 })
    manualTasks({ concurrency: 7, limits: { maxPending: 70 }, register: [owned, slow] })
    const points = await sdk.points()
    const info = points.filter(({ name }) => name === 'afterglow.task.info')
    expect(info.map(({ attributes, value }) => [attributes, value])).toEqual([
      [
        {
          'afterglow.task.name': 'owned',
          'afterglow.task.timeout': 5,
          'afterglow.task.slo': 0.995,
          'afterglow.task.owner': 'growth',
        },
        1,
      ],
      [{ 'afterglow.task.name': 'slow' }, 1],
    ])
    expect(only(points, 'afterglow.concurrency.limit')).toBe(7)
    expect(only(points, 'afterglow.queue.capacity')).toBe(70)
    expect(by(points, 'afterglow.runner.info', 'afterglow.version')).toEqual({ '0.1.0': 1 })
  })

  test('a drain is one point, as long as it took', async () => {
    await using sdk = SDKS[sdkName]()
    const { tasks, clock } = manualTasks()
    const { promise, resolve } = gate()
    tasks.add('slow', () => promise)
    const closing = tasks.close()
    await clock.advance(3_000)
    resolve()
    await clock.settle()
    await closing
    expect(histogram(await sdk.points(), 'afterglow.drain.duration')).toEqual({ count: 1, sum: 3 })
  })

  test('what fails without being a task is counted by what it is', async () => {
    await using sdk = SDKS[sdkName]()
    const bench = manualTasks({
      hooks: {
        onDead: () => {
          throw new Error('the hook itself')
        },
      },
    })
    bench.tasks.observe({
      name: 'mine',
      settled: () => {
        throw new Error('the observer itself')
      },
    })
    bench.tasks.add('broken', () => Promise.reject(new Error('boom')))
    await bench.clock.settle()
    const failing: Engine = Object.assign(inProcess({ clock: bench.clock }), {
      start: () => {
        throw new Error('no store')
      },
    })
    const other = manualTasks({ engines: { default: failing } })
    other.tasks.add('never', () => 1)
    expect(by(await sdk.points(), 'afterglow.runner.errors', 'afterglow.component')).toEqual({
      hook: 1,
      observer: 1,
      engine: 1,
      services: 0,
      runner: 0,
    })
  })
})

test('routes beyond 200 pairs of task and route count as _OTHER, and no failure is lost', () => {
  const failures = new Failures()
  for (let n = 0; n < 300; n++) failures.count(`task-${n % 3}`, 'Error', `/route-${n}`)
  failures.count('task-0', 'Error', '/route-0')
  failures.count('task-0', 'Error', undefined)
  const all = [...failures.all()]
  const routes = all.filter(({ attributes }) => String(attributes['http.route']).startsWith('/'))
  expect(routes).toHaveLength(200)
  expect(all.filter(({ attributes }) => attributes['http.route'] === '_OTHER')).toHaveLength(3)
  expect(all.reduce((sum, { count }) => sum + count, 0)).toBe(302)
  expect(routes.find(({ attributes }) => attributes['http.route'] === '/route-0')?.count).toBe(2)
})

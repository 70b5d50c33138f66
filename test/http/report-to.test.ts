import { describe, expect, jest, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, type TaskFailedError, type TaskFailure, type TasksOptions } from 'koa-afterglow'
import { seeing } from '../support/runner.ts'
import { served } from '../support/telemetry.ts'

/** Looks like what an HTTP client throws; Koa's own listener would say nothing of it. */
const boom = Object.freeze(Object.assign(new TypeError('boom'), { status: 404, expose: true }))

const failing = (app: Koa, options: TasksOptions = {}) =>
  createTasks({
    logger: false,
    hooks: { reportTo: app },
    defaults: { retry: { attempts: 2, baseDelayMs: 1 } },
    ...options,
  })

/** One request whose task fails. */
async function request(app: Koa, tasks: ReturnType<typeof createTasks>): Promise<void> {
  app.use(tasks.middleware()).use((ctx) => {
    ctx.tasks.add('mail', () => Promise.reject(boom))
    ctx.body = 'ok'
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(app.callback())
  expect(await server.get()).toBe(200)
  await tasks.idle()
}

describe('reportTo: app', () => {
  test("emits Koa's 'error' once per task that ended badly, whatever its attempts, with the facts of it", async () => {
    const heard: [TaskFailedError, TaskFailure][] = []
    const app = new Koa().on(
      'error',
      (error: TaskFailedError, failure: TaskFailure) => void heard.push([error, failure]),
    )
    await using tasks = failing(app)
    await request(app, tasks)
    expect(heard).toHaveLength(1)
    const [error, failure] = heard[0] ?? []
    expect(error).toMatchObject({
      name: 'TaskFailedError',
      code: 'ERR_AFTERGLOW_TASK_FAILED',
      message: "task 'mail' failed after 2 attempts: TypeError: boom",
    })
    expect(error?.cause).toBe(boom)
    expect(error?.stack).toContain('report-to.test.ts')
    expect(failure).toBe(error?.task)
    expect(failure).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 'mail',
      engine: 'in_process',
      outcome: 'failed',
      attempts: 2,
      request: { method: 'GET', statusCode: 200, response: 'sent' },
    })
    expect(Object.isFrozen(failure) && Object.isFrozen(failure?.request)).toBe(true)
  })

  test('what a listener written for ctx reads is undefined where there was no request, and throws nothing', async () => {
    const read: unknown[] = []
    const app = new Koa().on(
      'error',
      (_: Error, ctx: Koa.Context) => void read.push(ctx.method, ctx.url, ctx.request.ip),
    )
    await using tasks = failing(app)
    tasks.add('stale', () => 1, { expiresMs: 0 })
    await tasks.idle()
    expect(read).toEqual([undefined, undefined, undefined])
  })

  test('tells of what is no failure nothing', async () => {
    const heard: unknown[] = []
    const app = new Koa().on('error', (error) => heard.push(error))
    await using tasks = failing(app)
    tasks.add('fine', () => 1)
    tasks.add('expected', () => Promise.reject(boom), { override: { expected: [TypeError] } })
    tasks.add('cancelled', () => 1, { delayMs: 60_000 }).cancel()
    await tasks.idle()
    expect(heard).toEqual([])
  })

  test('a listener that throws is reported as itself, and hurts neither the task nor the process', async () => {
    const app = new Koa().on('error', () => {
      throw new RangeError('listener')
    })
    const seen = seeing()
    await using tasks = failing(app)
    tasks.observe(seen)
    await request(app, tasks)
    expect(seen.events).toMatchObject([
      { type: 'failure_of_our_own', where: 'hook reportTo', error: { message: 'listener' } },
    ])
    expect(tasks.stats().outcomes.failed).toBe(1)
  })

  test('an application without a listener of its own prints it as it prints its own, where the task broke', async () => {
    const print = jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const app = new Koa()
    await using tasks = failing(app)
    await request(app, tasks)
    expect(print.mock.calls).toHaveLength(1)
    expect(String(print.mock.calls[0])).toMatch(
      /TaskFailedError: task 'mail' failed .*boom\n +at .*report-to\.test\.ts/,
    )
  })

  test('an application that serves nothing and nobody listens to is told nothing', async () => {
    const seen = seeing()
    await using tasks = failing(new Koa())
    tasks.observe(seen)
    tasks.add('mail', () => Promise.reject(boom))
    await tasks.idle()
    expect(seen.events).toEqual([])
  })

  test('an error that throws when it is read is reported all the same', async () => {
    const heard: TaskFailedError[] = []
    const app = new Koa().on('error', (error: TaskFailedError) => heard.push(error))
    await using tasks = failing(app, { defaults: {} })
    const hostile = Object.defineProperties(new Error('x'), {
      message: {
        get: () => {
          throw new Error('no')
        },
      },
      stack: {
        get: () => {
          throw new Error('no')
        },
      },
    })
    tasks.add('mail', () => Promise.reject(hostile))
    await tasks.idle()
    expect(heard).toMatchObject([{ message: "task 'mail' failed: Error: " }])
    expect(heard[0]?.cause).toBe(hostile)
  })
})

import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks } from 'koa-afterglow'
import { gate } from '../support/runner.ts'
import { served } from '../support/telemetry.ts'

describe('guard', () => {
  test('answers 503 with Retry-After before the handler while the runner is above 80 %, and not below', async () => {
    const work = gate()
    await using tasks = createTasks({ logger: false, limits: { maxPending: 10 } })
    const app = new Koa()
    app.silent = true
    let handled = 0
    app.use(tasks.middleware()).use(tasks.guard())
    app.use((ctx) => {
      handled++
      ctx.tasks.add('slow', () => work.promise)
      ctx.body = 'ok'
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(app.callback())
    const statuses: number[] = []
    for (let n = 0; n < 10; n++) statuses.push(await server.get())
    expect(statuses).toEqual([...Array.from({ length: 8 }, () => 200), 503, 503])
    expect(handled).toBe(8)
    work.resolve()
    await tasks.idle()
    expect(await server.get()).toBe(200)
  })

  test('without ctx.tasks says what to mount, and where', async () => {
    await using tasks = createTasks({ logger: false })
    const errors: unknown[] = []
    const app = new Koa().on('error', (error) => errors.push(error))
    app.use(tasks.guard()).use(tasks.middleware())
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(app.callback())
    expect(await server.get()).toBe(500)
    expect(errors).toMatchObject([
      { code: 'ERR_AFTERGLOW_NO_REQUEST', message: expect.stringContaining('app.use(tasks.middleware()) first') },
    ])
  })
})

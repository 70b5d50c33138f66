import { describe, expect, test } from '@jest/globals'
import Koa, { type Middleware } from 'koa'
import { createTasks } from 'koa-afterglow'
import { served, remembering } from '../support/telemetry.ts'

const answers: Middleware = (ctx) => {
  ctx.body = 'ok'
}

describe('tasks.middleware()', () => {
  test('that is not the first app.use is one warning at the first request, naming what is above', async () => {
    const { lines, logger } = remembering()
    await using tasks = createTasks({ logger })
    const app = new Koa().use(async function audit(_ctx, next) {
      await next()
    })
    app
      .use((_, next) => next())
      .use(tasks.middleware())
      .use(answers)
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(app.callback())
    for (let n = 0; n < 3; n++) expect(await server.get()).toBe(200)
    expect(lines).toMatchObject([
      { level: 40, 'otel.event.name': 'afterglow.mounted_below', 'afterglow.mounted.above': ['audit', '(anonymous)'] },
    ])
  })

  test('that is the first, or mounted within something else, says nothing', async () => {
    const { lines, logger } = remembering()
    await using tasks = createTasks({ logger })
    const within = tasks.middleware()
    const wrapped: Middleware = async (ctx, next) => void (await within(ctx, next))
    for (const mounted of [tasks.middleware(), wrapped]) {
      const app = new Koa().use(mounted).use(answers)
      // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
      await using server = await served(app.callback())
      expect(await server.get()).toBe(200)
    }
    expect(lines).toEqual([])
  })
})

// The application of the tests in test/integration: a route for each thing that telemetry must show. Which SDK there is,
// if any, is decided by what it is started with.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { Router } from '@koa/router'
import { trace } from '@opentelemetry/api'
import Koa from 'koa'
import { createTasks, defineTask, gracefulShutdown } from 'koa-afterglow'
import { memoryEngine } from 'koa-afterglow/testing'
import { pino } from 'pino'
import { z } from 'zod'

class NoStockError extends Error {}

const logger = pino()
const ok = defineTask({ name: 'ok', run: async () => {} })
const fails = defineTask({
  name: 'fails',
  run: async ({ afterMs = 0 }: { afterMs?: number }) => {
    await setTimeout(afterMs)
    throw new NoStockError('no lamps left')
  },
})
const retried = defineTask({
  name: 'retried',
  retry: { attempts: 2, baseDelayMs: 1 },
  run: async (_input, { attempt }) => {
    if (attempt === 1) throw new NoStockError('not yet')
  },
})
const strict = defineTask({ name: 'strict', schema: z.object({ id: z.int() }), run: async () => {} })
const swallowed = defineTask({ name: 'swallowed', run: () => Promise.reject(new NoStockError('swallowed')) })
const blocks = defineTask({
  name: 'blocks',
  run: async () => {
    const end = performance.now() + 150
    while (performance.now() < end);
  },
})
const strays = defineTask({
  name: 'strays',
  run: async () => {
    void Promise.reject(new NoStockError('floating'))
    await setTimeout(20)
  },
})
/** As an application, or a library in it, that is careless with what it was told in confidence. */
const careless = defineTask({
  name: 'careless',
  run: async (_input, { log }) => {
    const headers = { authorization: `Bearer ${SECRETS.bearer}`, 'x-api-key': SECRETS.key, accept: 'text/html' }
    log.info(
      { req: { headers, query: [`token=${SECRETS.token}`] }, password: SECRETS.password },
      `calling with token=${SECRETS.token}`,
    )
    const span = trace.getActiveSpan()
    span?.setAttributes({
      'http.request.header.authorization': [`Basic ${SECRETS.basic}`],
      'url.full': `https://bob:${SECRETS.password}@neighbour.example/hook?api_key=${SECRETS.key}&page=2`,
    })
    span?.addEvent('sent', { 'session.token': SECRETS.token })
    throw new Error(
      `401 from https://bob:${SECRETS.password}@neighbour.example, Authorization: Bearer ${SECRETS.bearer}`,
    )
  },
})
const SECRETS = {
  bearer: 'planted-bearer-0123456789abcdef',
  basic: 'cGxhbnRlZC1iYXNpYy0wMTIzNDU2Nzg5',
  key: 'planted-key-0123456789',
  token: 'planted-token-0123456789',
  password: 'planted-password',
}

const register = [ok, fails, retried, strict, swallowed, blocks, strays, careless]
// A store that nothing is in, and yet it says so.
const tasks = createTasks({ logger, register, engines: { durable: memoryEngine() } })
tasks.use(async (task, next) => {
  try {
    await next()
  } catch (error) {
    if (task.name !== 'swallowed') throw error
  }
})

const router = new Router()
  .get('/ok', (ctx) => (ctx.tasks.add(ok), (ctx.body = 'ok')))
  .get('/ok-linked', (ctx) => (ctx.tasks.add(ok, undefined, { override: { relation: 'link' } }), (ctx.body = 'ok')))
  .get('/fails', (ctx) => (ctx.tasks.add(fails, { afterMs: Number(ctx.query['afterMs'] ?? 0) }), (ctx.body = 'ok')))
  .get('/fails-linked', (ctx) => (ctx.tasks.add(fails, {}, { override: { relation: 'link' } }), (ctx.body = 'ok')))
  .get('/retried', (ctx) => (ctx.tasks.add(retried), (ctx.body = 'ok')))
  .get('/swallowed', (ctx) => (ctx.tasks.add(swallowed), (ctx.body = 'ok')))
  .get('/blocks', (ctx) => (ctx.tasks.add(blocks), (ctx.body = 'ok')))
  .get('/strays', (ctx) => (ctx.tasks.add(strays), (ctx.body = 'ok')))
  .get('/careless', (ctx) => (ctx.tasks.add(careless), (ctx.body = 'ok')))
  .get('/rejected', (ctx) => {
    try {
      ctx.tasks.add(strict, { id: 'no number' } as unknown as { id: number })
    } catch {
      ctx.body = 'refused'
    }
  })
  .get('/stats', (ctx) => (ctx.body = { ...tasks.stats(), memory: process.memoryUsage() }))
const app = new Koa().use(tasks.middleware()).use(router.routes())

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
// Imported here, the bootstrap would start what the test left out.
const bootstrap = process.execArgv.includes('koa-afterglow/otel') ? await import('koa-afterglow/otel') : undefined
const { telemetry = bootstrap } = globalThis as { telemetry?: { shutdown(): Promise<void> } }
await gracefulShutdown({ server, tasks, ...(telemetry && { telemetry }) })

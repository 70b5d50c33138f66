// The application of test/process/otel.test.ts as ES modules; otel-app.cjs is the same one in CommonJS.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Router } from '@koa/router'
import Koa from 'koa'
import { createTasks, defineTask, gracefulShutdown } from 'koa-afterglow'
import * as telemetry from 'koa-afterglow/otel'
import { pino } from 'pino'

const logger = pino()
const greet = defineTask({
  name: 'greet',
  run: async (input: string, task) => {
    task.log.info({ input }, 'greeting')
  },
})
const tasks = createTasks({ logger, register: [greet] })
const router = new Router().get('/hello/:name', (ctx) => {
  logger.info('handling')
  ctx.tasks.add(greet, String(ctx.params['name']))
  ctx.body = 'hello'
})
const app = new Koa().use(tasks.middleware()).use(router.routes())

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
await gracefulShutdown({ server, tasks, telemetry })

// A service with one observed task per request. What its collector is like must not be felt by who asks it.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import { pino } from 'pino'

const logger = pino({}, pino.destination({ dest: '/dev/null', sync: false, minLength: 4096 }))
const audit = defineTask({ name: 'audit', run: async () => {} })
const tasks = createTasks({ logger, register: [audit] })
const app = new Koa().use(tasks.middleware()).use((ctx) => {
  if (ctx.path === '/memory') return void (ctx.body = { rss: process.memoryUsage.rss() })
  ctx.tasks.add(audit)
  ctx.body = { ok: true }
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)

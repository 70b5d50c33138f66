// The application of a test whose requests are ignored by HTTP instrumentation; see otel-ignoring.cjs.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { trace } from '@opentelemetry/api'
import Koa from 'koa'
import { createTasks, gracefulShutdown } from 'koa-afterglow'

const telemetry = createRequire(import.meta.url)('./otel-ignoring.cjs') as { shutdown(): Promise<void> }

const tasks = createTasks({ logger: false })
const app = new Koa().use(tasks.middleware()).use((ctx) => {
  trace.getTracer('app').startSpan('of the request').end()
  ctx.tasks.add('mail', () => trace.getTracer('app').startSpan('of the task').end())
  ctx.body = 'ok'
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
await gracefulShutdown({ server, tasks, telemetry })

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createTasks, gracefulShutdown } from 'koa-afterglow'
import * as telemetry from 'koa-afterglow/otel'
import { database, logger, readyDelayMs, welcome } from './your-service.ts'

const tasks = createTasks({ logger })
const app = new Koa()
app.use(tasks.middleware())
app.use(tasks.probes()) // /livez and /readyz
app.use((ctx) => {
  ctx.tasks.add('welcome', welcome)
  ctx.body = 'hello\n'
})
const server = app.listen(process.env['PORT'] ?? 3000)

const shutdown = gracefulShutdown({
  server,
  tasks,
  telemetry,
  readyDelayMs, // 5,000 on Kubernetes; 0 where nobody looks at /readyz
  onStage: (stage, msLeft) => logger.info({ stage, msLeft }, 'shutting down'),
  async onClosed({ settled, interrupted }) {
    await database.end() // no task needs it any more
    logger.info({ settled, interrupted: interrupted.map(({ name, id }) => `${name} ${id}`) }, 'closed')
  },
})
await once(server, 'listening')
logger.info({ port: (server.address() as AddressInfo).port }, 'ready')
process.send?.('ready') // to PM2 with wait_ready
await shutdown

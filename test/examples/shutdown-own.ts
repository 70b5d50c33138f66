import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Koa from 'koa'
import { createTasks } from 'koa-afterglow'
import { database, logger, readyDelayMs, welcome } from './your-service.ts'

const tasks = createTasks({ logger })
const app = new Koa().use(tasks.middleware()).use(tasks.probes())
app.use((ctx) => {
  ctx.tasks.add('welcome', welcome)
  ctx.body = 'hello\n'
})
const server = app.listen(process.env['PORT'] ?? 3000)

process.once('SIGTERM', () => {
  void stop().finally(() => process.exit())
})

async function stop() {
  tasks.unready() // 1. /readyz says no; what still comes is served, and may add tasks
  await sleep(readyDelayMs)
  server.close() // 2. what is being served ends
  await Promise.race([once(server, 'close'), sleep(8_000)])
  server.closeAllConnections()
  const { interrupted } = await tasks.close({ deadlineMs: 10_000 }) // 3. tasks end, or are named
  await database.end() // 4. what they used
  logger.info({ interrupted: interrupted.map(({ name }) => name) }, 'closed')
} // 5. last, your telemetry's shutdown()

await once(server, 'listening')
logger.info({ port: (server.address() as AddressInfo).port }, 'ready')

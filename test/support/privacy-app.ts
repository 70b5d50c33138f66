// The application of test/process/telemetry-privacy.test.ts. What it is told to hide comes in by the environment.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createTasks, defineTask, gracefulShutdown } from 'koa-afterglow'
import * as telemetry from 'koa-afterglow/otel'
import { pino } from 'pino'

const { SECRET = '' } = process.env
const refuse = (): never => {
  throw new Error(`connect postgres://me:${SECRET}@db/n`, { cause: new Error(`token=${SECRET}`) })
}
const charge = defineTask({ name: 'charge', run: (card: string) => card })
const refused = defineTask({
  name: 'refused',
  retry: { attempts: 2, baseDelayMs: 1 },
  run: (_card: string) => refuse(),
})
const tasks = createTasks({ logger: pino(), hooks: { onError: refuse, onDead: refuse } })
const app = new Koa().use(tasks.middleware()).use((ctx) => {
  ctx.tasks.add(charge, SECRET)
  ctx.tasks.add(refused, SECRET)
  ctx.tasks.add('strays', async () => {
    void Promise.reject(new Error(`password: ${SECRET}`))
  })
  ctx.tasks.add('discarded', (task) => task.discard(`Authorization: ${ctx.get('authorization')}`))
  ctx.set('set-cookie', `sid=${SECRET}`)
  ctx.body = SECRET
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
await gracefulShutdown({ server, tasks, telemetry })

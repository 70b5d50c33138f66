// A service with every kind of task, told to end at a moment of main.ts's choosing. It keeps books of its own on fd 3: a line
// for each task that it was told is accepted, whether or not anybody is ever answered, and one for each connection that it let
// in. Its log goes to stdout.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Router } from '@koa/router'
import Koa, { type Context } from 'koa'
import { createTasks, defineTask, gracefulShutdown, threadOf, type TaskContext, type TaskHandle } from 'koa-afterglow'
import { pino } from 'pino'
import { DEADLINE_MS, LET_IN, type Kind } from './kinds.ts'

const logger = pino({ base: null, timestamp: false }, pino.destination({ fd: 1, sync: true }))
const tasks = createTasks({ logger, limits: { graceMs: 200 }, threads: { max: 1 } })

function booked<R>(handle: TaskHandle<R>): TaskHandle<R> {
  if (!handle.duplicate) writeSync(3, `${handle.id}\n`)
  return handle
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const random = (ms: number) => sleep(Math.random() * ms)
const fail = (): never => {
  throw new Error('this one fails')
}
const flaky = defineTask({
  name: 'flaky',
  retry: { attempts: 3, baseDelayMs: 40 },
  run: (failures: number, { attempt }) => (attempt <= failures ? fail() : attempt),
})
const stubborn = defineTask({
  name: 'stubborn',
  retry: { attempts: 20, baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 },
  run: fail,
})
const narrow = defineTask({ name: 'narrow', concurrency: 2, run: () => random(10) })
const threaded = defineTask({
  name: 'threaded',
  thread: threadOf<typeof import('../threads/work.ts')>(new URL('../threads/work.ts', import.meta.url)),
})
const patience = { override: { timeoutMs: 600_000 } }

const add: Record<Kind, (ctx: Context) => TaskHandle> = {
  quick: (ctx) => booked(ctx.tasks.add('quick', () => 1)),
  slow: (ctx) => booked(ctx.tasks.add('slow', () => random(60))),
  failing: (ctx) => booked(ctx.tasks.add('failing', fail)),
  flaky: (ctx) => booked(ctx.tasks.add(flaky, Math.floor(Math.random() * 4))),
  stubborn: (ctx) => booked(ctx.tasks.add(stubborn, undefined)),
  narrow: (ctx) => booked(ctx.tasks.add(narrow, undefined)),
  delayed: (ctx) => booked(ctx.tasks.add('delayed', () => 1, { delayMs: Math.random() * 100 })),
  tomorrow: (ctx) => booked(ctx.tasks.add('tomorrow', () => 1, { delayMs: 86_400_000 })),
  nested: (ctx) => booked(ctx.tasks.add('nested', (task) => addChildren(task, 3))),
  chained: (ctx) => {
    const first = booked(ctx.tasks.add('first', () => (Math.random() < 0.5 ? random(20) : fail())))
    booked(ctx.tasks.add('second', () => random(20), { after: [first] }))
    return booked(ctx.tasks.add('last', () => 1, { after: [first], onDependencyFailure: 'run' }))
  },
  expiring: (ctx) => booked(ctx.tasks.add('expiring', () => 1, { delayMs: 30, expiresMs: 5 })),
  cancelled: (ctx) => {
    const handle = booked(ctx.tasks.add('cancelled', () => random(20)))
    handle.cancel('not any more')
    return handle
  },
  keyed: (ctx) => booked(ctx.tasks.add('keyed', () => 1, { key: 'the one', delayMs: 20 })),
  sent: (ctx) => booked(ctx.tasks.add('sent', () => 1, { override: { runOn: 'sent' } })),
  floating: (ctx) =>
    booked(
      ctx.tasks.add('floating', async () => {
        void Promise.reject(new Error('floats'))
        await random(10)
      }),
    ),
  deaf: (ctx) => booked(ctx.tasks.add('deaf', () => new Promise(() => undefined), patience)),
  polite: (ctx) => booked(ctx.tasks.add('polite', untilAborted, patience)),
  threaded: (ctx) => booked(ctx.tasks.add(threaded, Math.random() * 30)),
  outside: () => booked(tasks.add('outside', () => random(20))),
}

async function addChildren(task: TaskContext<void>, depth: number): Promise<void> {
  await random(15)
  if (depth > 0) booked(task.add('child', (child) => addChildren(child, depth - 1)))
}

async function untilAborted({ signal, add: more }: TaskContext<void>): Promise<void> {
  await once(signal, 'abort')
  // With its last breath, which is too late for most.
  if (Math.random() < 0.2) booked(more('afterthought', () => random(20)))
  throw signal.reason
}

const router = new Router().get('/:kind', async (ctx) => {
  if (Math.random() < 0.3) await random(20)
  const kind = ctx.params['kind'] as Kind
  ctx.body = { id: add[kind](ctx).id }
})
const app = new Koa().use(tasks.middleware()).use(router.routes())
const server = app.listen(0, '127.0.0.1')
server.on('connection', ({ remotePort }) => writeSync(3, `${LET_IN}${remotePort}\n`))
await once(server, 'listening')
const shutdown = gracefulShutdown({
  server,
  tasks,
  deadlineMs: DEADLINE_MS,
  onStage: (stage, msLeft) => logger.info({ stage, msLeft }, stage),
})
logger.info({ port: (server.address() as AddressInfo).port }, 'listening')
const { settled, interrupted } = await shutdown
logger.info({ report: { settled, interrupted: interrupted.map(({ id }) => id) }, stats: tasks.stats() }, 'report')

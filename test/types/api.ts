// Checked by `npm run typecheck`; nothing here runs.
import Koa from 'koa'
import { z } from 'zod'
import { asClass, asFunction, asValue, createContainer } from 'awilix'
import { createTasks, defineTask, threadOf } from 'koa-afterglow'
import type { Add, Engine, Outcome, Task, TaskContext, TaskHandle, TaskMiddleware, TaskObserver } from 'koa-afterglow'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const expect = <T extends true>(_?: T) => {}

class Mailer {
  async sendWelcome(_to: string, _o: { signal: AbortSignal }): Promise<string> {
    return 'id'
  }
}
interface Cradle {
  mailer: Mailer
  now: () => Date
}
declare module 'koa-afterglow' {
  interface Services extends Cradle {}
}
const container = createContainer<Cradle>()
container.register({ mailer: asClass(Mailer).singleton(), now: asFunction(() => () => new Date()) })

// schema: input and output sides differ; result inferred; services typed; no annotation needed
const sendWelcome = defineTask({
  name: 'send-welcome',
  schema: z.object({ email: z.email(), when: z.coerce.date().optional() }),
  retry: { attempts: 5 },
  timeoutMs: 30_000,
  async run(input, task) {
    expect<Equal<typeof input, { email: string; when?: Date | undefined }>>()
    expect<Equal<typeof task.services.mailer, Mailer>>()
    // @ts-expect-error no such service
    void task.services.nope
    return await task.services.mailer.sendWelcome(input.email, { signal: task.signal })
  },
})
expect<Equal<typeof sendWelcome, Task<{ email: string; when?: unknown }, string>>>()
const owned = defineTask({ name: 'o', owner: 'growth', slo: 0.99, run: () => 1 })
expect<Equal<typeof owned, Task<void, number>>>()
owned.slo satisfies number | undefined
const plainInput = defineTask({
  name: 'p',
  run: async (order: { id: number }, { log }) => {
    log.info({ id: order.id })
    return order.id
  },
})
expect<Equal<typeof plainInput, Task<{ id: number }, number>>>()
const noInput = defineTask({
  name: 'n',
  run(_, { signal }) {
    signal.throwIfAborted()
  },
})
expect<Equal<typeof noInput, Task<void, void>>>()
const nothing = defineTask({
  name: 'n0',
  async run() {
    return 1 as const
  },
})
const optional = defineTask({
  name: 'o',
  schema: z.object({ a: z.string() }).optional(),
  run(input) {
    expect<Equal<typeof input, { a: string } | undefined>>()
  },
})

const tasks = createTasks({
  services: container,
  register: [sendWelcome, plainInput, noInput, optional],
  limits: { maxPending: 10 },
})
const app = new Koa()
app.use(tasks.middleware())
async function audit(kind: 'registered' | 'deleted', ip: string, n?: number): Promise<number> {
  return kind.length + ip.length + (n ?? 0)
}
function identity<T>(x: T): T {
  return x
}
app.use(async (ctx) => {
  const h = ctx.tasks.add(sendWelcome, { email: 'a@b.c' }, { delayMs: 5, override: { timeoutMs: 5 } })
  expect<Equal<typeof h, TaskHandle<string>>>()
  const end = await h.settled
  if (end.outcome === 'completed') expect<Equal<typeof end.value, string>>()
  if (end.outcome === 'failed') expect<Equal<typeof end.error, Error>>()
  const a = ctx.tasks.add(audit, 'registered', ctx.ip)
  expect<Equal<typeof a, TaskHandle<number>>>()
  ctx.tasks.add(audit, 'deleted', ctx.ip, 3)
  ctx.tasks.add(plainInput, { id: 1 }, { after: [h, a] })
  ctx.tasks.add(noInput)
  ctx.tasks.add(noInput, undefined, { delayMs: 1 })
  ctx.tasks.add(nothing)
  ctx.tasks.add(optional, undefined)
  ctx.tasks.add(optional, { a: 'x' })
  const c = ctx.tasks.add('resize', async ({ signal, log }) => {
    log.info({ aborted: signal.aborted })
    return 7
  })
  expect<Equal<typeof c, TaskHandle<number>>>()
  ctx.tasks.add(identity, 5)
  const { add } = ctx.tasks
  add(noInput)
  // @ts-expect-error wrong type of a field
  ctx.tasks.add(sendWelcome, { email: 1 })
  // @ts-expect-error input missing
  ctx.tasks.add(sendWelcome)
  // @ts-expect-error unknown option
  ctx.tasks.add(sendWelcome, { email: 'a' }, { delay: 5 })
  // @ts-expect-error literal checked
  ctx.tasks.add(audit, 'registred', ctx.ip)
  // @ts-expect-error argument missing
  ctx.tasks.add(audit, 'registered')
  // @ts-expect-error argument too many
  ctx.tasks.add(audit, 'registered', ctx.ip, 3, 4)
  // @ts-expect-error a promise has already started
  ctx.tasks.add(audit('registered', ctx.ip))
  // @ts-expect-error an input for a task without one
  ctx.tasks.add(noInput, { a: 1 })
})
const mw: TaskMiddleware = async (task, next) => {
  try {
    await next()
  } catch (error) {
    if (task.attempt < 3) task.retry({ afterMs: 100 })
    else task.discard('gave up')
    throw error
  }
}
const obs: TaskObserver = {
  name: 'x',
  async attempt(task, next) {
    const o = await next()
    switch (o.outcome) {
      case 'retried':
        o.afterMs satisfies number
        break
      case 'completed':
      case 'failed':
      case 'timed_out':
      case 'discarded':
      case 'cancelled':
      case 'skipped':
      case 'dropped':
      case 'interrupted':
      case 'handed_over':
        break
      default:
        o satisfies never
    }
    void task.id
    return o
  },
}
tasks.use(mw).observe(obs)
const methods = { enqueue: 1, start: 1, cancel: 1, wake: 1, stop: 1, stats: 1 } satisfies {
  [K in keyof Engine as Engine[K] extends (...a: never[]) => unknown ? K : never]: 1
}
void methods
const child: (t: TaskContext, add: Add) => TaskHandle<number> = (t) => t.add(plainInput, { id: 2 })
void child
const exhaustive = (o: Outcome): string =>
  o.outcome === 'completed' ? String(o.value) : 'error' in o && o.error ? o.error.message : o.outcome
void exhaustive
// @ts-expect-error a container that lacks a service is refused
createTasks({ services: createContainer<{ mailer: Mailer }>() })
// a scope of one attempt: typed, and checked in the same way
const { cradle } = container
createTasks({
  services: { cradle, createScope: (task) => container.createScope().register({ log: asValue(task.log) }) },
})
const lacking = createContainer<{ mailer: Mailer }>()
// @ts-expect-error so is one that lacks a service
createTasks({ services: { cradle: lacking.cradle, createScope: () => lacking.createScope() } })
// @ts-expect-error it has no cradle, whose types could be checked
createTasks({ services: { createScope: () => container.createScope() } })

// on a thread: types of input and result from the module, or none from a plain URL
interface Work {
  default(image: { width: number }): Promise<Uint8Array>
  count(): number
  notAFunction: string
}
const work = threadOf<Work>(new URL('file:///work.js'))
const resize = defineTask({ name: 'resize', thread: work, transfer: (image) => [image.width] })
expect<Equal<typeof resize, Task<{ width: number }, Uint8Array>>>()
const count = defineTask({ name: 'count', thread: work, export: 'count' })
expect<Equal<typeof count, Task<void, number>>>()
const checked = defineTask({ name: 'checked', schema: z.object({ width: z.coerce.number() }), thread: work })
expect<Equal<typeof checked, Task<{ width: unknown }, Uint8Array>>>()
const anything = defineTask({ name: 'anything', thread: new URL('file:///work.js') })
expect<Equal<typeof anything, Task>>()
export function threaded(add: Add) {
  add(resize, { width: 1 })
  add(count)
  add(anything)
  add(anything, 1, { delayMs: 1 })
  // @ts-expect-error wrong input
  add(resize, { height: 1 })
  // @ts-expect-error nothing to give
  add(count, 1)
}

// durable engines: start, cancel by id, dead tasks, a transaction of the caller's
const durableTasks = createTasks({ engines: { durable: {} as Engine } })
void (durableTasks.start({ consume: false }) satisfies Promise<void>)
void (durableTasks.cancel('id') satisfies Promise<boolean>)
void (durableTasks.dead.retry('id') satisfies Promise<boolean>)
const listed = await durableTasks.dead.list({ limit: 5, name: 'p' })
listed satisfies readonly {
  readonly id: string
  readonly note: { readonly attempts: number; readonly message?: string }
}[]
durableTasks.add(plainInput, { id: 1 }, { transaction: {} }) satisfies TaskHandle<number>
durableTasks.observe({
  name: 'sends',
  adding: ({ durable }) => void (durable satisfies boolean | undefined),
  async send({ queue, records }, next) {
    expect<Equal<typeof queue, string>>()
    for (const { carrier } of records) carrier['x'] = 'y'
    const notStored = await next()
    notStored.get('id') satisfies Error | undefined
  },
})
// @ts-expect-error no such option
void durableTasks.start({ consumes: true })

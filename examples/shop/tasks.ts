import { setTimeout } from 'node:timers/promises'
import { createTasks, defineTask, errorHandler, threadOf, type Engine, type Logger, type Tasks } from 'koa-afterglow'
import { z } from 'zod'
import { durable } from './engine.ts'
import { isRefusedForGood } from './mail.ts'
import type { Container } from './services.ts'

/**
 * A mail server may hang, and must not take the shop with it: its mails fill ten slots of a hundred. Each attempt gives up
 * by itself.
 */
const mail = {
  retry: { attempts: 3, baseDelayMs: 500, maxDelayMs: 60_000 },
  timeoutMs: 3_000,
  concurrency: 10,
} as const

/**
 * What must not be lost is in a store before its request is answered, if there is a store (`npm start -- --engine pglite`):
 * there it may wait as long as it has to. Without one, it has its own share of what may wait in this process.
 */
const kept = durable ? ({ engine: 'durable' } as const) : ({ maxPending: 200 } as const)

export const sendWelcomeEmail = defineTask({
  ...mail,
  maxPending: 200,
  name: 'send-welcome-email',
  owner: 'growth', // who is paged, and
  slo: 0.99, // for how much
  schema: z.object({ username: z.string(), email: z.email() }),
  onOverload: 'drop', // it is nice to have: nobody is turned away for it
  async run({ username, email }, { services, signal }) {
    const text = `Welcome, ${username}! Good to have you here.`
    await services.mailer.send({ to: email, subject: `Welcome, ${username}`, text }, { signal })
  },
})

export const sendOrderConfirmation = defineTask({
  ...mail,
  ...kept,
  name: 'send-order-confirmation',
  owner: 'checkout',
  slo: 0.99,
  schema: z.object({ orderId: z.int(), email: z.email() }),
  async run({ orderId, email }, { services, signal }) {
    await services.notifications.sendOrderConfirmation(orderId, { to: email, signal })
  },
})

/** Waits for a slow neighbour. It blocks nobody, and gives up as soon as the signal says so. */
export const syncInventory = defineTask({
  name: 'sync-inventory',
  async run(_input, { signal }) {
    await setTimeout(1_000, undefined, { signal })
  },
})

/** CPU work belongs on a thread: in here it would keep every request waiting. */
export const renderCatalogue = defineTask({
  name: 'render-catalogue',
  thread: threadOf<typeof import('./thread-work.ts')>(new URL('./thread-work.ts', import.meta.url)),
  export: 'renderCatalogue',
})

/** Always fails. Nobody waits for it, and yet it does not go unseen: a log line, a span, a metric; in a store it is kept as dead. */
export const updateSearchIndex = defineTask({
  ...kept,
  name: 'update-search-index',
  async run({ product }: { readonly product: string }, { services }) {
    await services.searchIndex.update(product)
  },
})

/** Fails now and then, and is tried again. */
export const reserveStock = defineTask({
  ...kept,
  name: 'reserve-stock',
  owner: 'checkout',
  retry: { attempts: 4, baseDelayMs: 500 },
  async run({ orderId }: { readonly orderId: number }, { services }) {
    await services.warehouse.reserve(orderId)
  },
})

const all = [sendWelcomeEmail, sendOrderConfirmation, syncInventory, renderCatalogue, updateSearchIndex, reserveStock]

/** The shop's runner. What is registered is exported at zero from the start, so that the first failure shows. */
export function createShopTasks(logger: Logger | false, services: Container, engine?: Engine): Tasks {
  const tasks = createTasks({ logger, services, register: all, engines: { durable: engine } })
  // Sees every error of every task. An address that does not exist is no failure of ours, and no reason to try again.
  tasks.use(errorHandler({ classify: (error) => (isRefusedForGood(error) ? { discard: error.message } : undefined) }))
  return tasks
}

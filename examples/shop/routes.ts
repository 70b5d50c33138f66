import { Router } from '@koa/router'
import type { Tasks } from 'koa-afterglow'
import { z } from 'zod'
import { bodyOf } from './body.ts'
import type { Mailbox } from './mailbox.ts'
import * as shop from './tasks.ts'

const registration = z.object({
  username: z.string('must be text').trim().min(1, 'must not be empty').max(64),
  email: z.email('must be an e-mail address'),
})
const order = z.object({ orderId: z.int().positive().default(123), email: z.email().default('ada@example.com') })

/** The routes that add tasks. Each answers first; its tasks start once the response is out. */
export function shopRoutes(tasks: Tasks): Router {
  const router = new Router()

  router.post('/register', (ctx) => {
    ctx.tasks.add(shop.sendWelcomeEmail, bodyOf(ctx, registration))
    ctx.body = { message: 'Registration successful' }
  })

  // No order without its confirmation: 503 before anything is done if the runner is nearly full (the guard), or this task is.
  router.post('/order', tasks.guard(), (ctx) => {
    const { orderId, email } = bodyOf(ctx, order)
    ctx.tasks.add(shop.sendOrderConfirmation, { orderId, email })
    ctx.body = { message: `Order ${orderId} placed` }
  })

  router.get('/complex-task', (ctx) => {
    ctx.tasks.add(shop.syncInventory)
    ctx.tasks.add(shop.renderCatalogue, { ms: 2_000 })
    ctx.body = { message: 'Complex task started' }
  })

  router.get('/failing-task', (ctx) => {
    ctx.tasks.add(shop.updateSearchIndex, { product: 'lamp' })
    ctx.body = { message: 'This task is going to fail' }
  })

  router.get('/flaky-task', (ctx) => {
    ctx.tasks.add(shop.reserveStock, { orderId: 123 })
    ctx.body = { message: 'This task may need more than one attempt' }
  })

  return router
}

/** The routes that show what became of it. */
export function lookRoutes(tasks: Tasks, mailbox: Mailbox | undefined): Router {
  const router = new Router()

  router.get('/', (ctx) => {
    ctx.body = {
      tasks: ['POST /register', 'POST /order', 'GET /complex-task', 'GET /failing-task', 'GET /flaky-task'],
      look: ['GET /mails', 'GET /stats', 'GET /dead', 'POST /dead/:id/retry', 'DELETE /dead/:id'],
    }
  })

  router.get('/mails', (ctx) => {
    if (!mailbox) return ctx.throw(404, 'mails go to the server of SMTP_URL and are not kept here')
    ctx.body = mailbox.mails()
  })

  router.get('/stats', (ctx) => {
    ctx.body = tasks.stats()
  })

  // Of durable engines: what ended badly is kept until somebody decides. `npx koa-afterglow dead` does the same from outside.
  router.get('/dead', async (ctx) => {
    ctx.body = await tasks.dead.list()
  })
  router.post('/dead/:id/retry', async (ctx) => {
    if (!(await tasks.dead.retry(ctx.params['id'] ?? ''))) ctx.throw(404, 'there is no such dead task')
    ctx.body = { message: 'It runs again' }
  })
  router.delete('/dead/:id', async (ctx) => {
    if (!(await tasks.dead.discard(ctx.params['id'] ?? ''))) ctx.throw(404, 'there is no such dead task')
    ctx.body = { message: 'Discarded' }
  })

  return router
}

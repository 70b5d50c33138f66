import { Router } from '@koa/router'
import { asFunction, createContainer } from 'awilix'
import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import { z } from 'zod'

export const services = createContainer().register({
  notifications: asFunction(() => ({
    async confirm(_orderId) {
      throw new Error('there is no mail server here')
    },
  })),
})

export const confirmOrder = defineTask({
  name: 'confirm-order',
  schema: z.object({ orderId: z.int(), at: z.coerce.date() }),
  run: ({ orderId }, task) => task.services.notifications.confirm(orderId),
})

export const remindLater = defineTask({ name: 'remind-later', run: (_orderId, { log }) => log.info('reminded') })

export const tasks = createTasks({ logger: false, services })

const router = new Router()
router.post('/order/:id', (ctx) => {
  const orderId = Number(ctx.params.id)
  const confirmed = ctx.tasks.add(confirmOrder, { orderId, at: '2026-01-01' })
  ctx.tasks.add(remindLater, orderId, { after: [confirmed], delayMs: 86_400_000 })
  ctx.body = { message: `Order ${orderId} placed` }
})

export const app = new Koa()
app.use(tasks.middleware())
app.use(router.routes())

import * as Sentry from '@sentry/node'
import Koa from 'koa'
import { createTasks, defineTask, type TaskFailedError } from 'koa-afterglow'
import pino from 'pino'

const app = new Koa()
app.on('error', (error: Error | TaskFailedError) => {
  if (!('task' in error)) return Sentry.captureException(error) // of a request, as ever
  const { id, name, outcome, attempts, request } = error.task
  return Sentry.withScope((scope) => {
    scope.setTags({ task: name, 'task.outcome': outcome, trace_id: request.traceId })
    scope.setContext('task', { id, name, outcome, attempts, ...request })
    return Sentry.captureException(error)
  })
})

const chargeCard = defineTask({
  name: 'charge-card',
  retry: { attempts: 2, baseDelayMs: 100 },
  async run() {
    throw new Error('the bank is closed')
  },
})

const tasks = createTasks({ logger: pino(), hooks: { reportTo: app } })
app.use(tasks.middleware())
app.use((ctx) => {
  ctx.tasks.add(chargeCard)
  ctx.body = 'Order placed\n'
})
app.listen(Number(process.env['PORT'] ?? 3000))

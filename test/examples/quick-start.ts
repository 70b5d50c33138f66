import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import pino from 'pino'

const sendWelcome = defineTask({
  name: 'send-welcome',
  retry: { attempts: 2, baseDelayMs: 100 },
  async run({ email }: { email: string }) {
    throw new Error(`mail server refused ${email}`) // a bad day
  },
})

const tasks = createTasks({ logger: pino() })
tasks.use(async (task, next) => {
  try {
    await next()
  } catch (error) {
    if (task.attempt === task.maxAttempts) task.log.warn('giving up') // your error tracker
    throw error
  }
})

const app = new Koa()
app.use(tasks.middleware()) // first
app.use((ctx) => {
  ctx.tasks.add(sendWelcome, { email: 'ada@example.com' })
  ctx.body = 'Registration successful\n'
})
app.listen(Number(process.env['PORT'] ?? 3000))

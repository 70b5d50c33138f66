// A task that leaves a rejection floating, beside Sentry, which listens for those.
import { createTasks } from 'koa-afterglow'
import { pino } from 'pino'

const tasks = createTasks({ logger: pino() })
tasks.add('floats', () => void Promise.reject(new Error('nobody waits for this')))
await tasks.idle()
setTimeout(() => process.stdout.write('still here\n'), 100)

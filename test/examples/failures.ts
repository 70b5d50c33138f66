import Koa from 'koa'
import { createTasks, errorHandler } from 'koa-afterglow'
import { CardDeclined, NoSuchAddress, page, RateLimited, track } from './your-app.ts'

export const app = new Koa().on('error', track) // requests that failed, and tasks that ended badly
export const tasks = createTasks({
  hooks: { reportTo: app, onDead: ({ outcome }, task) => page(`${task.name} ${outcome}`) },
  defaults: { retry: { attempts: 3, baseDelayMs: 500 } }, // with backoff and jitter; without it a task runs once
})
tasks.use(
  errorHandler({
    classify(error) {
      if (error instanceof RateLimited) return { retry: { afterMs: error.retryAfterMs } } // as the other side said
      if (error instanceof NoSuchAddress) return { fail: 'it will not exist next time' } // no further attempt
      return error instanceof CardDeclined ? { discard: 'declined' } : undefined // no failure, pages nobody
    },
  }),
)

import type { RequestTasks } from './task-middleware.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** Given by `app.use(tasks.middleware())`. */
    readonly tasks: RequestTasks
  }
}

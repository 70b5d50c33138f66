import { toError } from '../core/errors.ts'
import type { TaskContext, TaskMiddleware } from '../core/task.ts'

/** What to do about an error: nothing (the task's retry policy and `expected` decide), or one of these. */
export type ErrorDecision = { readonly retry: { readonly afterMs?: number } } | { readonly discard: string } | undefined

export interface ErrorHandlerOptions {
  /** Looks at an error and decides. What it throws itself takes the place of the error, with the error as `cause`. */
  classify?(error: Error, task: TaskContext): ErrorDecision | void
  /** Sees every error that leaves the handler, after `classify`: for an error tracker. */
  report?(error: Error, task: TaskContext): void | Promise<void>
}

/**
 * The Koa-style `try`/`catch` round a task, as middleware: `tasks.use(errorHandler({ classify }))`. It decides and rethrows,
 * so that the outcome, the span and the alerts still know that the handler failed.
 */
export function errorHandler({ classify, report }: ErrorHandlerOptions = {}): TaskMiddleware {
  return async function handleError(task, next) {
    try {
      await next()
    } catch (thrown) {
      const error = toError(thrown)
      const decision = classify?.(error, task)
      if (decision && 'retry' in decision) task.retry(decision.retry)
      else if (decision) task.discard(decision.discard)
      await report?.(error, task)
      throw thrown
    }
  }
}

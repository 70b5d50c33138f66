import { toError } from '../core/errors.ts'
import type { TaskContext, TaskMiddleware } from '../core/task.ts'

/** What to do about an error: nothing (the task's retry policy and `expected` decide), or one of these. */
export type ErrorDecision = { readonly retry: { readonly afterMs?: number } } | { readonly discard: string } | undefined

export interface ErrorHandlerOptions {
  /** Looks at an error and decides, at once: a promise decides nothing. What it throws takes the place of the error. */
  classify?(error: Error, task: TaskContext): ErrorDecision | void
  /** Sees every error that leaves the handler, after `classify`: for an error tracker. Its own failure is logged as such. */
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
      else if (decision && typeof decision.discard === 'string') task.discard(decision.discard)
      try {
        await report?.(error, task)
      } catch (failure) {
        task.log.error({ err: failure }, 'errorHandler: report failed')
      }
      throw thrown
    }
  }
}

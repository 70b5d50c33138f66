import { InvalidOptionError, toError } from '../core/errors.ts'
import type { RetryRequest } from '../core/retry.ts'
import type { TaskContext, TaskMiddleware } from '../core/task.ts'
import { isThenable, promiseOf } from '../core/thenable.ts'

/** What to do about an error: nothing (the task's retry policy and `expected` decide), or one of these. */
export type ErrorDecision =
  | { readonly retry: RetryRequest }
  | { readonly fail: string }
  | { readonly discard: string }
  | undefined

export interface ErrorHandlerOptions {
  /** Looks at an error and decides, at once: a promise decides nothing. Its own failure is logged as such. */
  classify?(error: Error, task: TaskContext): ErrorDecision | void
  /**
   * Sees every error that leaves the handler, once per attempt, after `classify` and with what that decided. Awaited
   * within the task's `timeoutMs`. Its own failure is logged as such. For once per task there is `hooks.onDead`.
   */
  report?(error: Error, task: TaskContext, decision: ErrorDecision): void | Promise<void>
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
      let decision: ErrorDecision
      try {
        decision = decisionOf(classify?.(error, task))
        decide(task, decision)
      } catch (failure) {
        task.log.error({ err: failure }, 'errorHandler: classify failed')
      }
      try {
        await report?.(error, task, decision)
      } catch (failure) {
        task.log.error({ err: failure }, 'errorHandler: report failed')
      }
      throw thrown
    }
  }
}

function decide(task: TaskContext, decision: ErrorDecision): void {
  if (!decision) return
  if ('retry' in decision) task.retry(decision.retry)
  else if ('fail' in decision) task.fail(decision.fail)
  else task.discard(decision.discard)
}

function decisionOf(given: unknown): ErrorDecision {
  if (given === undefined) return undefined
  if (isThenable(given)) {
    promiseOf(given).catch(() => undefined)
    throw new InvalidOptionError('classify gave a promise, which decides nothing; it has to decide at once')
  }
  const { retry, fail, discard } = (given ?? {}) as Readonly<Record<string, unknown>>
  const decides = typeof fail === 'string' || typeof discard === 'string' || (typeof retry === 'object' && retry)
  if (decides) return given as ErrorDecision
  throw new InvalidOptionError(
    'classify gave no decision; expected undefined, { retry: { afterMs } }, { fail: reason } or { discard: reason }',
  )
}

import { NoRequestError } from '../core/errors.ts'
import type { Middleware, RequestTasks, RunnerOwner } from './task-middleware.ts'

/** The part of `limits.maxPending` above which a guarded route is not even tried. */
const FULL_AT = 0.8

const NOT_MOUNTED = 'tasks.guard() found no ctx.tasks on this request: put app.use(tasks.middleware()) first, above it'

/**
 * Answers 503 with `Retry-After` before the handler while the runner is nearly full or closing. `add` refuses too, but only
 * when the handler has done half of its work; in front of a route that writes to a database, put this.
 */
export function guardMiddleware(owner: Pick<RunnerOwner, 'runner'>): Middleware {
  return async function afterglowGuard(ctx, next) {
    if (!(ctx.tasks as RequestTasks | undefined)) throw new NoRequestError(NOT_MOUNTED)
    const refusal = owner.runner.refusal(FULL_AT)
    if (refusal) throw refusal
    await next()
  }
}

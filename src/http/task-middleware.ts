import type { Context, Middleware } from 'koa'
import type { RequestScope } from '../core/request-scope.ts'
import type { Runner } from '../core/runner.ts'
import type { Add, RequestFacts } from '../core/task.ts'
import { KoaEdge } from './koa-edge.ts'

export type { Middleware }

/** Who has the runner: it may be another one at the next request. */
export interface RunnerOwner {
  readonly runner: Runner
  /** A request begins. */
  served(ctx: Context, facts: RequestFacts): void
}

/** `ctx.tasks`. Both may be taken off it and called alone. */
export interface RequestTasks {
  /** Adds a task that starts once this request's response settled. */
  readonly add: Add
  /** Opens the gate now: tasks of this request start although its response still goes on (SSE, long polling). */
  readonly release: () => void
}

/** Who gave `ctx.tasks`. */
const GIVEN_BY = Symbol('runner')
interface Given extends RequestTasks {
  readonly [GIVEN_BY]: Runner
}

/**
 * Gives every request its `ctx.tasks`. Mount it first, so that whatever runs below it may add tasks. Mounted once more it
 * changes nothing: one request has one gate.
 */
export function taskMiddleware(owner: RunnerOwner): Middleware {
  let seen = false
  return function afterglow(ctx, next) {
    const { runner } = owner
    if ((ctx.tasks as Given | undefined)?.[GIVEN_BY] === runner) return next()
    if (!seen) {
      seen = true
      const above = namesAbove(afterglow, ctx)
      if (above.length > 0) runner.mountedBelow(above)
    }
    return runner.serve(new KoaEdge(ctx), async (scope) => {
      owner.served(ctx, scope.facts)
      Object.assign(ctx, { tasks: requestTasks(runner, scope) })
      try {
        await next()
      } catch (thrown) {
        // What was thrown is what the client must learn of; what could not be stored is logged.
        await scope.chainEnded(true)
        scope.handlerReturned()
        throw thrown
      }
      const storing = scope.chainEnded(false)
      const notStored = storing && (await storing)
      scope.handlerReturned()
      if (notStored && canAnswer(ctx)) throw notStored
    })
  }
}

/** Whether a 503 would reach anybody. */
const canAnswer = (ctx: Context): boolean => !ctx.headerSent && ctx.respond !== false && ctx.writable

/**
 * What is mounted above this. Nothing is known if it is mounted within something else, or wrapped, as
 * instrumentation-koa does with all of them.
 */
function namesAbove(self: Middleware, ctx: Context): readonly string[] {
  const { middleware } = ctx.app
  return middleware.slice(0, Math.max(0, middleware.indexOf(self))).map(({ name }) => name || '(anonymous)')
}

const requestTasks = (runner: Runner, scope: RequestScope): Given => ({
  [GIVEN_BY]: runner,
  add: (...args: readonly unknown[]) => runner.addTo(scope, args),
  release: () => scope.release(),
})

/**
 * Blanks the store in which Koa keeps `ctx` when made with `{ asyncLocalStorage: true }`, and with it the whole request,
 * while a task's context is captured. The application is seen at its first request; until then there is nothing to blank.
 */
export class KoaStoreBlanker {
  readonly #storages = new Set<NonNullable<Context['app']['ctxStorage']>>()

  readonly see = (ctx: Context): void => {
    const { ctxStorage } = ctx.app
    if (ctxStorage) this.#storages.add(ctxStorage)
  }

  /** False as long as no application has such a store. */
  get seen(): boolean {
    return this.#storages.size > 0
  }

  blanked<R>(make: () => R): R {
    let blank = make
    for (const storage of this.#storages) {
      const inner = blank
      blank = () => storage.exit(inner)
    }
    return blank()
  }
}

import type { Context } from 'koa'
import type { RequestEdge } from '../core/request-edge.ts'
import type { ResponseClass } from '../core/task.ts'
import { isSettled, responseClass } from './response.ts'

/** What @koa/router leaves on `ctx`; its path is the route's pattern, never the URL. */
interface Routed {
  readonly _matchedRoute?: unknown
  readonly routePath?: unknown
}

/**
 * Core's view of one Koa request. `ctx` is held only while something may still be read from it: an async context that
 * outlives the request (a pooled socket, an interval) keeps this object, and must not keep `req` and `res` with it.
 */
export class KoaEdge implements RequestEdge {
  readonly method: string
  #ctx: Context | undefined
  #weak: WeakRef<Context> | undefined

  constructor(ctx: Context) {
    this.method = ctx.method
    this.#ctx = ctx
  }

  responseSettled(): boolean {
    const ctx = this.#get()
    return !ctx || isSettled(ctx)
  }

  answered(): boolean {
    return this.#get()?.res.headersSent ?? true
  }

  look(): { route: string | undefined; statusCode: number; response: ResponseClass } | undefined {
    const ctx = this.#get()
    if (!ctx) return undefined
    return { route: routeOf(ctx), statusCode: ctx.res.statusCode, response: responseClass(ctx) }
  }

  onSettled(settled: () => void): void {
    const ctx = this.#get()
    if (!ctx) return settled()
    this.#ctx = ctx
    const { req, res } = ctx
    const inLine = req.httpVersionMajor === 1 && !res.socket ? req : undefined
    const first = () => {
      res.removeListener('finish', first)
      res.removeListener('close', first)
      inLine?.removeListener('close', left)
      settled()
    }
    const left = () => {
      if (isSettled(ctx)) first()
    }
    // Before all others: http instrumentation ends the SERVER span in its own `close` listener, and it must still record.
    res.prependListener('finish', first)
    res.prependListener('close', first)
    // A pipelined response that waits for the one before it: Node 22 does not tell it that its connection closed.
    inLine?.on('close', left)
  }

  letGo(): void {
    if (!this.#ctx) return
    this.#weak = new WeakRef(this.#ctx)
    this.#ctx = undefined
  }

  #get(): Context | undefined {
    return this.#ctx ?? this.#weak?.deref()
  }
}

function routeOf(ctx: Context): string | undefined {
  const { _matchedRoute, routePath } = ctx as Context & Routed
  if (typeof routePath === 'string') return routePath
  return typeof _matchedRoute === 'string' ? _matchedRoute : undefined
}

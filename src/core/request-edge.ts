import type { ResponseClass } from './task.ts'

/** What core needs of an HTTP request; `http/` makes it from Koa's `ctx` and lets go of `ctx` as early as it can. */
export interface RequestEdge {
  readonly method: string
  responseSettled(): boolean
  /** Its status is sent, so that nothing of that can change any more. */
  answered(): boolean
  /** As far as known now; undefined once nothing is left to look at. */
  look():
    | { readonly route: string | undefined; readonly statusCode: number; readonly response: ResponseClass }
    | undefined
  /** Calls back once, at the first of `finish` and `close`, before any other listener. */
  onSettled(settled: () => void): void
  /** Stops keeping the request alive; what was not looked at by then may be gone. */
  letGo(): void
}

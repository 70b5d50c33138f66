import { types } from 'node:util'

/** What an `await` would wait for: also a function with `then`, and promises of another realm. May throw what a getter throws. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'

/** A query builder is no promise: it may give back anything from `then`, or call back twice. */
export const promiseOf = (thenable: PromiseLike<unknown>): Promise<unknown> =>
  types.isPromise(thenable) ? thenable : Promise.resolve(thenable)

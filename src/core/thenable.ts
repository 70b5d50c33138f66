/** What an `await` would wait for: also a function with `then`, and promises of another realm. May throw what a getter throws. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'

const { then: nativeThen } = Promise.prototype

/**
 * A query builder is no promise: it may give back anything from `then`, or call back twice. Neither is a promise with a
 * `then` or a constructor of its own, which may throw: only one whose `then` can be called safely is given back as it is.
 */
export const promiseOf = (thenable: PromiseLike<unknown>): Promise<unknown> =>
  thenable.then === nativeThen ? Promise.resolve(thenable) : new Promise((resolve) => resolve(thenable))

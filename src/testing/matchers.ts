import type { OutcomeName } from '../core/ledger.ts'
import type { AnyFunction, Task } from '../core/task.ts'
import type { TaskQuery } from './kit/added-task.ts'
import type { MatcherContext, MatcherResult } from './matchers/context.ts'
import { beCausedBy, type RequestLike } from './matchers/to-be-caused-by.ts'
import { haveAdded } from './matchers/to-have-added.ts'
import { haveSettled } from './matchers/to-have-settled.ts'

export type { RequestLike }

/** For the `expect.extend` of Jest, Vitest or Bun; `koa-afterglow/testing/jest` and `/vitest` do it, with types. */
export const matchers = {
  toHaveAdded(this: MatcherContext, received: unknown, query: TaskQuery, ...input: unknown[]): MatcherResult {
    return haveAdded(this, received, { query, input, once: false })
  },
  toHaveAddedOnce(this: MatcherContext, received: unknown, query: TaskQuery, ...input: unknown[]): MatcherResult {
    return haveAdded(this, received, { query, input, once: true })
  },
  toHaveSettled(this: MatcherContext, received: unknown, outcome?: OutcomeName): MatcherResult {
    return haveSettled(this, received, outcome)
  },
  toBeCausedBy(this: MatcherContext, received: unknown, request: RequestLike): MatcherResult {
    return beCausedBy(this, received, request)
  },
}

/** `expect.any(String)` and its like. */
export interface Asymmetric {
  asymmetricMatch(other: unknown): boolean
}
/** A value as it is expected: any part of it may be an asymmetric matcher. */
export type Expected<T> = Asymmetric | (T extends object ? { readonly [K in keyof T]: Expected<T[K]> } : T)

type ExpectedInput<T> =
  T extends Task<infer I, infer _R>
    ? [input?: Expected<I>]
    : T extends AnyFunction
      ? ExpectedArguments<Parameters<T>>
      : unknown[]
type ExpectedArguments<A extends readonly unknown[]> = { [K in keyof A]: Expected<A[K]> } | []

/** What `expect` has once it was extended; `R` is what its matchers give back. */
export interface TaskMatchers<R = void> {
  /** Of tasks that are taken over, or of a kit: it was added at least once, with this input (or these arguments) if given. */
  toHaveAdded<T extends Task | AnyFunction | string>(task: T, ...input: ExpectedInput<T>): R
  /** Added exactly once, and with this input if given. */
  toHaveAddedOnce<T extends Task | AnyFunction | string>(task: T, ...input: ExpectedInput<T>): R
  /** Of a task of a kit, several, a handle, a definition or a kit: it ended, and so. Of several all did; with `.not`, none. */
  toHaveSettled(outcome?: OutcomeName): R
  /** The request of this response added it, or one of its tasks did. Also a route, `'POST /register'`, or some of its facts. */
  toBeCausedBy(request: RequestLike): R
}

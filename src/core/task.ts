/**
 * The vocabulary. Every other file of the project uses these words and no others for these things.
 *
 * - task: a named unit of work; `defineTask` makes its definition
 * - submission: one `add()`; it is accepted, rejected or a duplicate (a worker *fetched* it from a durable engine)
 * - attempt: one execution of a submission; retries make more attempts
 * - outcome: how a submission ended in this process, exactly one of `Outcome['outcome']`
 * - engine: what holds accepted tasks and runs them
 * - held: accepted, waiting for its response to settle; settle is the first of `finish` or `close`
 */
import type { StandardSchemaV1 as Schema } from '@standard-schema/spec'
import type { Logger } from './logger.ts'
import type { RetryRequest } from './retry.ts'
import type { ErrorClass, Priority, RateLimit, ResolvedSettings, RunOn, TaskSettings } from './settings.ts'
import type { TaskLabels } from './task-labels.ts'
import type { ActiveContext, RequestTrace, SpanIds, TraceOrigin } from './tracing.ts'

export type { Logger }
export type { ErrorClass, Priority, RateLimit, ResolvedSettings, RunOn, TaskSettings }

export type { Schema }
export type MaybePromise<T> = T | Promise<T>

/** What `task.services` offers. Filled once per app: `declare module 'koa-afterglow' { interface Services extends Cradle {} }` */
export interface Services {}

/** `sent`: handed to the operating system, never proof that the client read it. `aborted`: cut off before that. */
export type ResponseClass = 'sent' | 'aborted'

/**
 * What is kept of the request that caused a task: plain facts, never `ctx`. One object is shared by all tasks of a
 * request; `route`, `statusCode` and `response` are known once the response settled, the ids once telemetry saw the request.
 */
export interface RequestFacts {
  readonly method: string
  readonly route?: string | undefined
  readonly statusCode?: number | undefined
  readonly response?: ResponseClass | undefined
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  trace?: RequestTrace | undefined
}

/** What only one submission can know. */
export interface AddOptions {
  /** Start once all of these ended. */
  readonly after?: readonly TaskHandle[]
  /** What becomes of this task when one of `after` did not complete. @default 'skip' */
  readonly onDependencyFailure?: 'skip' | 'run'
  /** Milliseconds after the add before which the task does not start. @default 0 */
  readonly delayMs?: number
  /** Milliseconds after the add from which starting is pointless: the task is `dropped`. @default Infinity */
  readonly expiresMs?: number
  /** @default 'normal' */
  readonly priority?: Priority
  /**
   * While a task with this key waits to start, adding it again gives that one's handle, with `duplicate: true`. It then
   * starts after the responses of all requests that asked for it, and with `runOn` if any of them ended as it asks. Everything
   * else stays as the first add said.
   */
  readonly key?: string
  /** Settings of this submission alone. */
  readonly override?: TaskSettings
  /**
   * Durable engines that take one: the task is stored at once and within this transaction of yours, so that it is there if
   * and only if that commits. `await handle.accepted` before you commit.
   */
  readonly transaction?: unknown
}

/** A defined unit of work. `Input` is what `add` takes, `Result` what `settled` gives back. */
export interface Task<Input = unknown, Result = unknown> extends TaskLabels {
  readonly name: string
  readonly settings: TaskSettings
  readonly '~types'?: { readonly input: Input; readonly result: Result }
}

export interface WithSchema<S extends Schema, R> extends TaskSettings, TaskLabels {
  readonly name: string
  readonly schema: S
  run(input: Schema.InferOutput<S>, task: TaskContext<Schema.InferOutput<S>>): R | PromiseLike<R>
}
export interface WithoutSchema<I, R> extends TaskSettings, TaskLabels {
  readonly name: string
  readonly schema?: undefined
  run(input: I, task: TaskContext<I>): R | PromiseLike<R>
}

/** Where nothing is known of the input, it may be none. */
type Rest<I> = [I] extends [void]
  ? [input?: undefined, options?: AddOptions]
  : unknown extends I
    ? [input?: I, options?: AddOptions]
    : [input: I, options?: AddOptions]
export type AnyFunction = (...args: never[]) => unknown
type ArgumentsOf<T> = T extends Task<infer I, infer _R> ? Rest<I> : T extends AnyFunction ? Parameters<T> : never
type ResultOf<T> = T extends Task<infer _I, infer R> ? R : T extends AnyFunction ? Awaited<ReturnType<T>> : never

export interface Add {
  /** A named closure: this process only. The way to give a function options, a signal and a log. */
  <R>(name: string, run: (task: TaskContext<void>) => R | PromiseLike<R>, options?: AddOptions): TaskHandle<R>
  /** A defined task, or a named function with its arguments (this process only). */
  <T extends Task | AnyFunction>(task: T, ...rest: ArgumentsOf<T>): TaskHandle<ResultOf<T>>
}

export type Acceptance = { readonly accepted: true } | { readonly accepted: false; readonly error: Error }

/** Neither promise ever rejects. */
export interface TaskHandle<Result = unknown> {
  readonly id: string
  readonly name: string
  readonly duplicate: boolean
  /** At once in-process; with a durable engine once the task is stored, which reading this does not wait with any longer. */
  readonly accepted: Promise<Acceptance>
  readonly settled: Promise<Outcome<Result>>
  /** Takes the task back if it waits; aborts `task.signal` if it runs. Does nothing once it ended. */
  cancel(reason?: string): void
}

/** How a submission ended in this process. */
export type Outcome<Result = unknown> = { readonly attempts: number } & (
  | Completed<Result>
  | {
      readonly outcome: 'failed' | 'timed_out'
      readonly error: Error
      /** Why no further attempt followed, if that was decided by `task.fail()` or a `task.retry()` was not granted. */
      readonly reason?: string
    }
  | {
      readonly outcome: 'discarded' | 'cancelled' | 'skipped' | 'dropped' | 'interrupted'
      readonly reason: string
      readonly error?: Error
    }
  | { readonly outcome: 'handed_over'; readonly engine: string }
)
export interface Completed<Result = unknown> {
  readonly outcome: 'completed'
  readonly value: Result
  /** What the handler threw although the task counts as completed, because middleware swallowed it. */
  readonly handled?: Error
}
export interface Retried {
  readonly outcome: 'retried'
  /** Absent when the handler asked for another attempt without failing. */
  readonly error?: Error
  readonly afterMs: number
  readonly attempts: number
}
/** How one attempt ended: an outcome, or another attempt follows. */
export type AttemptOutcome<Result = unknown> = Outcome<Result> | Retried

/** What is known of a submission before, during and after its attempts. Plain data, never `ctx`. */
export interface TaskRecord {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly name: string
  /** The name as metrics carry it: `_OTHER` once an app made up more names than metrics can bear. */
  readonly label: string
  readonly engine: string
  /** Whether a durable engine holds it: it is handed over here, and may run in another process. */
  readonly durable?: boolean | undefined
  /**
   * How often a worker was lost while it had this attempt: what it does may have been done before, in part or whole. Absent
   * in process, where nothing runs twice. @default 0
   */
  readonly lostClaims?: number | undefined
  /** 0 for a task added by a request or from outside, 1 for a task that such a task added, and so on. */
  readonly depth: number
  /** Added from a request's async context after that request was over: a task of its own that only remembers it. */
  readonly late: boolean
  readonly request?: RequestFacts | undefined
  /** Effective settings: definition, defaults and override. */
  readonly settings: ResolvedSettings
  /** Milliseconds asked for by `delayMs`. */
  readonly delayMs: number
  /** Milliseconds since the epoch. */
  readonly acceptedAt: number
  /** Milliseconds since the add: of a record until now, of an attempt until its start. */
  readonly ageMs: number
  /** What observers let travel with the task to a durable engine, such as `traceparent`. */
  readonly carrier: Record<string, string>
  /** Those it comes `after`, until it ended; undefined for none. */
  readonly after?: readonly TaskRecord[] | undefined
  readonly definedAt?: { readonly stack?: string } | undefined
  /** Ids of the span of its latest attempt, or of the one that stands for never having run; the tracing observer's. */
  span?: SpanIds | undefined
  traceOrigin?: TraceOrigin | undefined
}

export interface Dependency {
  readonly id: string
  readonly name: string
  readonly outcome: Outcome
}

/** What a handler and work middleware see of the attempt they run in. */
export interface TaskContext<Input = unknown> extends TaskRecord {
  /** The submission this is an attempt of. */
  readonly record: TaskRecord
  readonly input: Input
  /** 1 for the first. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly lostClaims: number
  /** The tasks it came `after`, in that order, with how they ended. */
  readonly dependencies: readonly Dependency[]
  /** Milliseconds between being ready to run and this start. */
  readonly waitMs: number
  readonly signal: AbortSignal
  readonly log: Logger
  readonly services: Services
  /** Free room for middleware, one object per attempt. */
  readonly state: Record<string, unknown>
  readonly add: Add
  active?: ActiveContext | undefined
  /**
   * Decides that another attempt follows, if one is left (`retry.attempts`); otherwise the task fails. This and the next
   * two take effect when the attempt ends; the last call counts.
   */
  retry(options?: RetryRequest): void
  /** Decides that the task ends as `failed` although attempts are left, with what was thrown or a `GaveUpError`. */
  fail(reason: string): void
  /** Decides that the task ends as `discarded`: no failure, no page. */
  discard(reason: string): void
  progress(fraction: number, note?: string): void
}

export type TaskMiddleware = (task: TaskContext, next: () => Promise<void>) => void | Promise<void>

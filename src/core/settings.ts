import type { RetryPolicy } from './retry.ts'

/** When a task runs, by the class of its response: always once it settled, only if it was sent, only if sent with 2xx or 3xx. */
export type RunOn = 'settled' | 'sent' | 'success'

/** How one task behaves wherever it is added; `TasksOptions.defaults` has the same shape. */
export interface TaskSettings {
  /** Opt-in: without it a task runs once. @default false */
  readonly retry?: RetryPolicy | false
  /** Milliseconds until `task.signal` aborts with a `TimeoutError`; `Infinity` for none. @default 30000 */
  readonly timeoutMs?: number
  /** @default 'settled' */
  readonly runOn?: RunOn
  /** Child of the request's span, or a trace of its own with a link to it. @default 'auto' */
  readonly relation?: 'auto' | 'child' | 'link'
  /** Errors of these classes end the task as `discarded`: not a failure, pages nobody. @default [] */
  readonly expected?: readonly ErrorClass[]
  /** Name of the engine, a key of `TasksOptions.engines`. @default 'default' */
  readonly engine?: string
  /** Over the limit, `throw` answers the request with 503, `drop` counts the task as rejected and goes on. @default 'throw' */
  readonly onOverload?: 'throw' | 'drop'
  /** How many of this task may run at once: a bulkhead, so that one hung task cannot fill every slot. @default Infinity */
  readonly concurrency?: number
  /** How many of this task may wait or run; an add beyond it is overload, so that one cannot use up the runner's. @default Infinity */
  readonly maxPending?: number
  /** At most `max` starts within any `perMs` milliseconds; others wait. @default none */
  readonly rateLimit?: RateLimit | undefined
}
export interface RateLimit {
  readonly max: number
  readonly perMs: number
}
/** Four high start for two normal for one low, so that none starves. */
export type Priority = 'low' | 'normal' | 'high'
export type ErrorClass = abstract new (...args: never[]) => Error

/** Made whole by the defaults. */
export type ResolvedSettings = Required<Omit<TaskSettings, 'retry'>> & { readonly retry: Required<RetryPolicy> }

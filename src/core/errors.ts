import { types } from 'node:util'

export type ErrorCode =
  | 'ERR_AFTERGLOW_OVERLOADED'
  | 'ERR_AFTERGLOW_CLOSED'
  | 'ERR_AFTERGLOW_INVALID_INPUT'
  | 'ERR_AFTERGLOW_INVALID_OPTION'
  | 'ERR_AFTERGLOW_NOT_A_TASK'
  | 'ERR_AFTERGLOW_NAME_TAKEN'
  | 'ERR_AFTERGLOW_UNKNOWN_ENGINE'
  | 'ERR_AFTERGLOW_TOO_DEEP'
  | 'ERR_AFTERGLOW_ALREADY_STARTED'
  | 'ERR_AFTERGLOW_NO_REQUEST'
  | 'ERR_AFTERGLOW_NEXT'
  | 'ERR_AFTERGLOW_WAITS_FOR_ITSELF'
  | 'ERR_AFTERGLOW_NON_ERROR_THROWN'
  | 'ERR_AFTERGLOW_GAVE_UP'
  | 'ERR_AFTERGLOW_TASK_FAILED'
  | 'ERR_AFTERGLOW_TIMEOUT'
  | 'ERR_AFTERGLOW_CANCELLED'
  | 'ERR_AFTERGLOW_INTERRUPTED'
  | 'ERR_AFTERGLOW_ENGINE'
  | 'ERR_AFTERGLOW_NOT_DURABLE'
  | 'ERR_AFTERGLOW_SERVICES'
  | 'ERR_AFTERGLOW_THREAD_DIED'
  | 'ERR_AFTERGLOW_THREAD_MODULE'
  | 'ERR_AFTERGLOW_THREAD_RESULT'
  | 'ERR_AFTERGLOW_NOT_STORED'
  | 'ERR_AFTERGLOW_MISSING_PACKAGE'
  | 'ERR_AFTERGLOW_TESTING'
  | 'ERR_AFTERGLOW_STORE_LOCKED'

/** Base of every error this library makes. `name` and `code` are stable; the message says what, where and what to do. */
export abstract class AfterglowError extends Error {
  abstract override readonly name: string
  abstract readonly code: ErrorCode
}

/** `add()` found the runner full. Koa answers it with 503 and `Retry-After`, since it is thrown before the response. */
export class TasksOverloadedError extends AfterglowError {
  override readonly name = 'TasksOverloadedError' as const
  readonly code = 'ERR_AFTERGLOW_OVERLOADED' as const
  readonly status = 503
  readonly expose = true
  readonly headers = { 'Retry-After': '1' }
}

/** `add()` after `close()`, with no request being served and no running task behind it. */
export class TasksClosedError extends AfterglowError {
  override readonly name = 'TasksClosedError' as const
  readonly code = 'ERR_AFTERGLOW_CLOSED' as const
  readonly status = 503
  readonly expose = true
}

export interface InputIssue {
  readonly message: string
  readonly path: string
}

/**
 * The input of a task does not fit its schema, or is not what its engine can keep. Thrown by `add()` to its caller, whose fault
 * it is: it has no `status`, so that Koa answers 500. Validate what came from outside before it becomes an input.
 */
export class InvalidInputError extends AfterglowError {
  override readonly name = 'InvalidInputError' as const
  readonly code = 'ERR_AFTERGLOW_INVALID_INPUT' as const
  readonly issues: readonly InputIssue[]

  constructor(message: string, options: ErrorOptions & { readonly issues: readonly InputIssue[] }) {
    super(message, options)
    this.issues = options.issues
  }
}

/** An option has a value it cannot have. */
export class InvalidOptionError extends AfterglowError {
  override readonly name = 'InvalidOptionError' as const
  readonly code = 'ERR_AFTERGLOW_INVALID_OPTION' as const
}

/** What `add()` was given is no task: a promise that already runs, an anonymous function, a name without a function. */
export class NotATaskError extends AfterglowError {
  override readonly name = 'NotATaskError' as const
  readonly code = 'ERR_AFTERGLOW_NOT_A_TASK' as const
}

/** Two different definitions under one name would share counters and alerts. */
export class TaskNameTakenError extends AfterglowError {
  override readonly name = 'TaskNameTakenError' as const
  readonly code = 'ERR_AFTERGLOW_NAME_TAKEN' as const
}

/** A task asks for an engine that `createTasks({ engines })` does not have. */
export class UnknownEngineError extends AfterglowError {
  override readonly name = 'UnknownEngineError' as const
  readonly code = 'ERR_AFTERGLOW_UNKNOWN_ENGINE' as const
}

/** Tasks that add tasks went deeper than `limits.maxDepth`. */
export class TasksTooDeepError extends AfterglowError {
  override readonly name = 'TasksTooDeepError' as const
  readonly code = 'ERR_AFTERGLOW_TOO_DEEP' as const
}

/** `use`, `observe` or another act of composition came after the first task or request. */
export class AlreadyStartedError extends AfterglowError {
  override readonly name = 'AlreadyStartedError' as const
  readonly code = 'ERR_AFTERGLOW_ALREADY_STARTED' as const
}

/** Work middleware called `next()` twice, or returned before what it called `next()` for had ended. */
export class NextError extends AfterglowError {
  override readonly name = 'NextError' as const
  readonly code = 'ERR_AFTERGLOW_NEXT' as const
}

/** A handler awaits the end of a task that starts only once that handler's own response settled. */
export class WaitsForItselfError extends AfterglowError {
  override readonly name = 'WaitsForItselfError' as const
  readonly code = 'ERR_AFTERGLOW_WAITS_FOR_ITSELF' as const
}

/** A request has no `ctx.tasks`: `tasks.middleware()` is not mounted, or below. */
export class NoRequestError extends AfterglowError {
  override readonly name = 'NoRequestError' as const
  readonly code = 'ERR_AFTERGLOW_NO_REQUEST' as const
}

/** Something that is not an Error was thrown; it is `cause`, untouched. */
export class NonErrorThrownError extends AfterglowError {
  override readonly name = 'NonErrorThrownError' as const
  readonly code = 'ERR_AFTERGLOW_NON_ERROR_THROWN' as const
}

/** A task ended as failed and nothing was thrown: by `task.fail()`, or by a `task.retry()` with no attempt left. */
export class GaveUpError extends AfterglowError {
  override readonly name = 'GaveUpError' as const
  readonly code = 'ERR_AFTERGLOW_GAVE_UP' as const
}

/** `task.signal.reason` once `timeoutMs` passed. Named as the platform names it. */
export class TimeoutError extends AfterglowError {
  override readonly name = 'TimeoutError' as const
  readonly code = 'ERR_AFTERGLOW_TIMEOUT' as const
}

/** `task.signal.reason` once the task was cancelled. */
export class CancelledError extends AfterglowError {
  override readonly name = 'CancelledError' as const
  readonly code = 'ERR_AFTERGLOW_CANCELLED' as const
}

/** `task.signal.reason` once the drain deadline came. */
export class InterruptedError extends AfterglowError {
  override readonly name = 'InterruptedError' as const
  readonly code = 'ERR_AFTERGLOW_INTERRUPTED' as const
}

/** The engine failed at its own work: storing, starting or acknowledging. Never charged to a task. */
export class EngineError extends AfterglowError {
  override readonly name = 'EngineError' as const
  readonly code = 'ERR_AFTERGLOW_ENGINE' as const
}

/** A store is configured so that it may lose what it acknowledged; the message says which setting, and what to set. */
export class NotDurableError extends AfterglowError {
  override readonly name = 'NotDurableError' as const
  readonly code = 'ERR_AFTERGLOW_NOT_DURABLE' as const
}

/** `task.services` was read where there is none: no container, an attempt that has ended, a thread. Or that is no container. */
export class ServicesError extends AfterglowError {
  override readonly name = 'ServicesError' as const
  readonly code = 'ERR_AFTERGLOW_SERVICES' as const
}

/** The thread of a task ended before its work: an error nobody caught (`cause`), `process.exit()`, no memory left. */
export class ThreadDiedError extends AfterglowError {
  override readonly name = 'ThreadDiedError' as const
  readonly code = 'ERR_AFTERGLOW_THREAD_DIED' as const
  readonly exitCode: number | undefined

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number | undefined } = {}) {
    super(message, options)
    this.exitCode = options.exitCode
  }
}

/** The module of a `thread` task is not there, cannot be loaded, or has no function of that name. */
export class ThreadModuleError extends AfterglowError {
  override readonly name = 'ThreadModuleError' as const
  readonly code = 'ERR_AFTERGLOW_THREAD_MODULE' as const
}

/** What a function gave back cannot leave its thread: a function, a promise, a class with private state. */
export class ThreadResultError extends AfterglowError {
  override readonly name = 'ThreadResultError' as const
  readonly code = 'ERR_AFTERGLOW_THREAD_RESULT' as const
}

/** An optional package that is needed for this is not installed; the message says how to install it. */
export class MissingPackageError extends AfterglowError {
  override readonly name = 'MissingPackageError' as const
  readonly code = 'ERR_AFTERGLOW_MISSING_PACKAGE' as const
}

/** An embedded database that another process has open. */
export class StoreLockedError extends AfterglowError {
  override readonly name = 'StoreLockedError' as const
  readonly code = 'ERR_AFTERGLOW_STORE_LOCKED' as const
  /** Whoever has it, as far as that is known. */
  readonly holder: { readonly pid: number; readonly host: string } | undefined

  constructor(
    message: string,
    options: ErrorOptions & { readonly holder?: { readonly pid: number; readonly host: string } } = {},
  ) {
    super(message, options)
    this.holder = options.holder && { pid: options.holder.pid, host: options.holder.host }
  }
}

const nativeIsError = (Error as { isError?: (value: unknown) => boolean }).isError

function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value)
  } catch {
    return 'a revoked proxy'
  }
}

/** True for errors of any realm (Jest and VM contexts have an `Error` of their own, so `instanceof` lies there). */
export const isError = (value: unknown): value is Error =>
  nativeIsError ? nativeIsError(value) : types.isNativeError(value) || tagOf(value) === '[object DOMException]'

/** What was thrown, as an Error: itself, or a wrapper with it as `cause`. The thrown value is never changed. */
export const toError = (thrown: unknown): Error =>
  isError(thrown)
    ? thrown
    : new NonErrorThrownError(`a ${kindOf(thrown)} was thrown where an Error belongs; it is the cause`, {
        cause: thrown,
      })

const kindOf = (value: unknown): string => (value === null ? 'null' : typeof value)

/** What the signal of an aborted task says. */
export const ABORT_REASONS = { timeout: TimeoutError, cancel: CancelledError, drain: InterruptedError } as const

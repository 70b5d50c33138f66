import type { RetryRequest } from './retry.ts'
import type { AnyFunction, Logger, Schema, TaskSettings } from './task.ts'
import type { TaskLabels } from './task-labels.ts'

/** The URL of a module, with what that exports. A plain URL works as well; nothing is then known of input and result. */
export type ThreadModule<M = unknown> = URL & { readonly '~module'?: M }

/**
 * Gives `defineTask` the types of the module that a URL names:
 * `threadOf<typeof import('./resize.js')>(new URL('./resize.js', import.meta.url))`. It does nothing else.
 */
export const threadOf = <M>(url: URL): ThreadModule<M> => url

/** What a function on a thread sees of the attempt it runs in. There is no `services` and no `add`: they live on the main thread. */
export interface ThreadTask {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly name: string
  /** 1 for the first. */
  readonly attempt: number
  readonly maxAttempts: number
  /** Its `aborted` and `throwIfAborted()` are up to date within a loop that never awaits, too. */
  readonly signal: AbortSignal
  /** Writes through the logger of the main thread, with the bindings of the task and the ids of its span. */
  readonly log: Logger
  progress(fraction: number, note?: string): void
  /** As `task.retry()` of a task on the main thread. */
  retry(options?: RetryRequest): void
  /** As `task.fail()` of a task on the main thread. */
  fail(reason: string): void
  /** As `task.discard()` of a task on the main thread. */
  discard(reason: string): void
}

interface ThreadSettings<M, K extends string, I> extends TaskSettings, TaskLabels {
  readonly name: string
  readonly run?: undefined
  /** The module whose function runs on a thread; `.ts` and `.js` stand for each other where only one of them is there. */
  readonly thread: ThreadModule<M>
  /** Which of its exports. @default 'default' */
  readonly export?: K
  /**
   * What of the input is handed over to the thread instead of copied (`ArrayBuffer`, `MessagePort`, ...), which is then gone
   * here. Only the last attempt does so: those before it copy, since the next one needs the input again. @default nothing
   */
  readonly transfer?: (input: I) => readonly unknown[]
}
export interface OnThread<M, K extends string> extends ThreadSettings<M, K, InputOf<M, K>> {
  readonly schema?: undefined
}
export interface OnThreadWithSchema<S extends Schema, M, K extends string> extends ThreadSettings<
  M,
  K,
  Schema.InferOutput<S>
> {
  readonly schema: S
}

type ExportOf<M, K extends string> = K extends keyof M ? M[K] : unknown

/** What the function takes; nothing is known of a plain URL. */
export type InputOf<M, K extends string> =
  ExportOf<M, K> extends AnyFunction
    ? Parameters<ExportOf<M, K>> extends []
      ? void
      : Parameters<ExportOf<M, K>>[0]
    : unknown

/** What the function gives back, once it arrived here. */
export type OutputOf<M, K extends string> =
  ExportOf<M, K> extends AnyFunction ? Awaited<ReturnType<ExportOf<M, K>>> : unknown

/** What crosses between the main thread and a thread: over one port per job, kept open until that thread begins its next. */
import type { RetryRequest } from '../core/retry.ts'
import type { MessagePort } from 'node:worker_threads'
import type { PackedThrown } from './crossing-errors.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

/** What a thread is given for the whole of its life. */
export interface ThreadData {
  /** Whether a rejection that nobody handles leaves the thread alive. */
  readonly contains: boolean
}

/** One attempt. */
export interface Job {
  readonly id: string
  readonly name: string
  readonly attempt: number
  readonly maxAttempts: number
  readonly href: string
  readonly exportName: string
  readonly input: unknown
  /** Levels that are written; a line of any other need not cross. */
  readonly levels: readonly Level[]
  readonly port: MessagePort
  /** What telemetry sends along. */
  readonly carried: unknown
}

/** To the thread: the signal aborts; or, once its work is done, the thread will be ended. */
export type Asked = { readonly type: 'abort'; readonly reason: PackedThrown } | { readonly type: 'flush' }

/** A line for the task's own logger. */
export interface LogLine {
  readonly level: Level
  readonly fields: Readonly<Record<string, unknown>>
  /** Which of the fields are packed errors. */
  readonly errors: readonly string[]
  readonly message?: string
  /** Telemetry's, to find the span it was written in. */
  readonly where: unknown
}

/** From the thread. */
export type Told =
  | { readonly type: 'began' }
  | ({ readonly type: 'log' } & LogLine)
  | { readonly type: 'progress'; readonly fraction: number; readonly note?: string }
  | { readonly type: 'retry'; readonly options: RetryRequest }
  | { readonly type: 'fail'; readonly reason: string }
  | { readonly type: 'discard'; readonly reason: string }
  /** Something of telemetry's. */
  | { readonly type: 'seen'; readonly seen: unknown }
  | { readonly type: 'stray'; readonly thrown: PackedThrown }
  /** Nobody caught it, and it ends the thread. */
  | { readonly type: 'dying'; readonly thrown: PackedThrown }
  | { readonly type: 'flushed' }
  | { readonly type: 'returned'; readonly value: unknown }
  | { readonly type: 'threw'; readonly thrown: PackedThrown }
  | {
      readonly type: 'misfit'
      readonly kind: 'module' | 'result'
      readonly message: string
      readonly cause: PackedThrown | undefined
    }

import type { Blocked } from './blocking.ts'
import type { AttemptOutcome, Outcome, RequestFacts, TaskContext, TaskRecord } from './task.ts'
import type { ActiveContext } from './tracing.ts'

export type SubmissionResult = 'accepted' | 'rejected' | 'duplicate' | 'fetched'

/** What a request's gate tells observers, once, while the request's own span still records. */
export interface GateFacts {
  readonly request: RequestFacts
  /** How many tasks the request added, and the first twenty of them. */
  readonly submitted: number
  readonly records: readonly TaskRecord[]
  readonly rejected: number
}

/** Tasks on their way into a durable engine. */
export interface Sending {
  readonly engine: string
  /** What the engine calls its queue. */
  readonly queue: string
  readonly records: readonly TaskRecord[]
}
/** By id, why a task was not stored. Empty if all were. */
export type NotStored = ReadonlyMap<string, Error>

/**
 * Sees everything, changes nothing: a throw here is reported as the observer's and charged to no task.
 * `settled` fires exactly once per accepted submission, run or not.
 */
export interface TaskObserver {
  readonly name: string
  submitted?(record: TaskRecord, result: SubmissionResult, error?: Error): void
  /** A task for a durable engine was taken by `add()`, whose async context this is. It is `submitted` once it was stored. */
  adding?(record: TaskRecord): void
  /**
   * Round the storing of a batch. What is written on `record.carrier` before `next` is called travels with the task. Call
   * `next` before the first `await`; what it gives is final.
   */
  send?(sending: Sending, next: () => Promise<NotStored>): Promise<unknown> | undefined
  gate?(facts: GateFacts): void
  /** Once per request: the first of the tasks that waited for nothing but its response starts, so long after that. */
  firstStart?(request: RequestFacts, gapMs: number): void
  /**
   * Round one attempt. Call `next` before the first `await`; the outcome it gives is final. An observer that has nothing to
   * do with this one returns without calling it.
   */
  attempt?(task: TaskContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> | undefined
  /** One attempt ended; runs inside the attempt's own context, before `attempt` gets the outcome. */
  attempted?(task: TaskContext, outcome: AttemptOutcome, runMs: number): void
  /** `byAttempt` is false when it ended without an attempt: before the first, or waiting for the next. */
  settled?(record: TaskRecord, outcome: Outcome, byAttempt: boolean): void
  event?(event: RunnerEvent): void
}

export type RunnerEvent =
  | { readonly type: 'stuck'; readonly record: TaskRecord; readonly afterMs: number; readonly killed?: boolean }
  /** What was let go ended after all; `error` is what it threw then, unless that is why it was aborted. */
  | { readonly type: 'late_completion'; readonly record: TaskRecord; readonly afterMs: number; readonly error?: Error }
  | ({ readonly type: 'blocked' } & Blocked)
  | { readonly type: 'held_too_long'; readonly request: RequestFacts; readonly heldMs: number; readonly tasks: number }
  | { readonly type: 'mounted_below'; readonly above: readonly string[] }
  | {
      readonly type: 'stray_error'
      readonly record: TaskRecord
      /** Of its attempt, if that still runs. */
      readonly active: ActiveContext | undefined
      readonly error: Error
      readonly contained: boolean
    }
  | { readonly type: 'waits_for_itself'; readonly record: TaskRecord; readonly error: Error }
  | { readonly type: 'progress'; readonly record: TaskRecord; readonly fraction: number; readonly note?: string }
  | { readonly type: 'failure_of_our_own'; readonly where: string; readonly error: Error; readonly record?: TaskRecord }
  /** A task came out of a store that cannot run here, and is kept there. Once per name. */
  | { readonly type: 'unknown_task'; readonly engine: string; readonly name: string; readonly reason: string }
  /** Tasks go to a durable engine by default, and this is a function, which runs in this process. Once. */
  | { readonly type: 'not_durable'; readonly name: string }
  /** The process ends with these in it, because nothing keeps it alive for them: a paused task, a response nobody waits for. */
  | {
      readonly type: 'unfinished'
      readonly records: readonly TaskRecord[]
      /** How many are held, blocked, queued, and so on. */
      readonly states: Readonly<Record<string, number>>
    }
  | { readonly type: 'drain'; readonly stage: 'waiting' | 'aborting'; readonly inFlight: number }
  | {
      readonly type: 'drained'
      readonly settled: number
      readonly interrupted: readonly TaskRecord[]
      readonly handedOver: readonly TaskRecord[]
      readonly durationMs: number
    }

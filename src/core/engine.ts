/** The seam between what decides (core) and what holds and starts (an engine). */
import type { Clock } from './clock.ts'
import type { AddOptions, AttemptOutcome, MaybePromise, RunOn, TaskRecord } from './task.ts'

/** One submission as an engine holds it. A durable engine stores exactly these fields. */
export interface Envelope {
  readonly v: 1
  readonly record: TaskRecord
  readonly input: unknown
  /** Attempts consumed so far; an engine that stores envelopes writes `outcome.attempts` into the next one. */
  readonly attempts: number
  readonly options: AddOptions
  /** By the engine's clock, in its milliseconds; 0 for at once. */
  readonly notBefore: number
}

export interface Receipt {
  readonly id: string
  readonly result: 'rejected' | 'duplicate'
  readonly error?: Error
}

export interface EngineStats {
  readonly queued: number
  readonly delayed: number
  readonly running: number
  readonly backoff: number
}

export interface EngineCapabilities {
  readonly durable: boolean
  readonly delay: boolean
  readonly runOn: readonly RunOn[]
}

/**
 * Runs one attempt and says how it ended, exactly once, maybe before it returns. It never throws. A callback and not a
 * promise because the in-process engine starts a task from the end of the last one, thousands of times a second.
 */
export type RunTask = (envelope: Envelope, ended: (envelope: Envelope, outcome: AttemptOutcome) => void) => void

/**
 * Where accepted tasks wait and run: five methods, the rest is data. An engine never looks at an outcome to decide whether
 * to run again: `retried` says so and says when, everything else is final. Acknowledging to a store happens after `run`
 * gave the outcome, never inside the handler's `try`.
 */
export interface Engine {
  readonly name: string
  readonly capabilities: EngineCapabilities
  /** The time by which core measures deadlines of this engine's tasks. @default the system's */
  readonly clock?: Clock
  /** Takes all of them, or says which not: an empty list means every one was accepted. */
  enqueue(batch: readonly Envelope[]): MaybePromise<readonly Receipt[]>
  start(run: RunTask): MaybePromise<void>
  /** Takes one back that has not started. True if it was there and will not start. */
  cancel(id: string, reason: string): MaybePromise<boolean>
  /** Starts nothing more and gives back what it still holds; a durable engine keeps it in its store instead. */
  stop(options: { readonly deadlineMs: number }): MaybePromise<readonly Envelope[]>
  stats(): MaybePromise<EngineStats>
}

/** The seam between what decides (core) and what holds and delivers (an engine). Why it is so: docs/decisions/0001. */
import type { Clock } from './clock.ts'
import type { OutcomeName } from './ledger.ts'
import type { AttemptOutcome, MaybePromise, Priority, RequestFacts, TaskRecord } from './task.ts'
import type { SpanIds } from './tracing.ts'

/** What travels of the record of a task. Plain data in what a durable engine stores, which keeps all of it, known or not. */
export interface EnvelopeRecord extends Pick<
  TaskRecord,
  'id' | 'name' | 'label' | 'engine' | 'depth' | 'late' | 'request' | 'delayMs' | 'acceptedAt' | 'carrier'
> {
  /** Of its latest attempt. */
  readonly span?: SpanIds | undefined
  /** Settings of this submission alone. */
  readonly override?: StoredOverride | undefined
}

/** What JSON can say of settings; a time without an end is `'Infinity'`. */
export type StoredOverride = Readonly<Record<string, unknown>>

/**
 * One submission as an engine holds it: plain data, of which a durable engine stores exactly these fields. The in-process
 * engine holds core's own live object. Times are milliseconds since the epoch.
 */
export interface Envelope {
  readonly v: 1
  readonly record: EnvelopeRecord
  readonly input: unknown
  /** Number of the attempt to run, from 1. Core counts, an engine never does. */
  readonly attempt: number
  readonly addedAt: number
  readonly startAt?: number | undefined
  readonly expiresAt?: number | undefined
  readonly priority?: Priority | undefined
}

/** What became of one submission of a batch, where it was not simply accepted. */
export interface Receipt {
  readonly id: string
  readonly result: 'rejected' | 'duplicate'
  readonly error?: Error
}

/** How a run ended for the engine. `returned`: not run here, such as an unknown name; the attempt is not used up. */
export type Ending =
  | AttemptOutcome
  | { readonly outcome: 'returned'; readonly reason: string; readonly afterMs: number }

/**
 * What is kept of a submission that ended badly, so that a person can look at it and let it run again. Plain JSON; core has
 * masked its texts.
 */
export interface DeathNote {
  readonly outcome: OutcomeName
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly attempts: number
  readonly errorType?: string
  readonly message?: string
  readonly reason?: string
}

/**
 * After `retried` the envelope already carries the next attempt; an engine re-schedules it in one atomic step. With `dead` the
 * submission ended badly: a durable engine keeps it with that note until it is retried or discarded. Core decides which do.
 */
export type Ended = (envelope: Envelope, ending: Ending, dead?: DeathNote) => void

/**
 * Runs one attempt. Calls `ended` exactly once, perhaps before it returns, and never throws. A callback and not a promise,
 * because the in-process engine starts a task from the end of the last one, a hundred thousand times a second. `lostClaims`:
 * how often a worker that had claimed it was lost before it ended, such as by a crash; core gives up on what kills its workers.
 */
export type RunTask = (envelope: Envelope, ended: Ended, lostClaims?: number) => void

export type EngineEvent =
  | { readonly type: 'claim_lost'; readonly envelope: Envelope }
  | { readonly type: 'ack_failed'; readonly error: Error; readonly envelope: Envelope }
  | { readonly type: 'engine_error'; readonly error: Error }

/** What core gives to an engine. Nothing here throws or blocks. */
export interface EngineHost {
  /** Whether this process works; one that only adds still starts its engines. */
  readonly consume: boolean
  readonly run: RunTask
  /** How many more may run now; an engine delivers no more than that. */
  room(): number
  /**
   * Said right behind `room`, by an engine that has to fetch what it starts: if it had to wait for its turn, a slot is kept for it until
   * it calls what this gives, behind starting what came. @default nobody else takes slots
   */
  fetching?(): () => void
  /** Labels of tasks that must not start now: paused, at their own limit. Live. */
  readonly closed: ReadonlySet<string>
  report(event: EngineEvent): void
}

export interface EngineStats {
  /** What is counted: what this process holds, or the whole store. */
  readonly scope: 'process' | 'store'
  readonly ready: number
  readonly delayed: number
  readonly running: number
  /** Age of the oldest task that is ready to run; 0 when none is. */
  readonly oldestReadyMs: number
}

export interface EngineCapabilities {
  readonly durable: boolean
  readonly delay: boolean
  readonly priority: boolean
  /** How late a delayed task may start because the engine looks only so often. */
  readonly lateByMs: number
  /** Whether `enqueue` can store within a transaction of the caller's. @default false */
  readonly transaction?: boolean
  /**
   * Takes only what a durable engine can store, as it would come out of a store, although it runs tasks in this process: what
   * the testing kit puts in the place of one. @default as `durable` says
   */
  readonly asDurable?: boolean
}

/** Whether a task of this engine must be one that can be stored. */
export const isAsDurable = ({ capabilities }: Engine): boolean => capabilities.asDurable ?? capabilities.durable

export interface EnqueueOptions {
  /** The caller's own transaction, in whatever form the engine takes it: what is stored is there once that commits. */
  readonly transaction?: unknown
}

/** A submission that ended badly and is kept. */
export interface DeadTask {
  readonly id: string
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly addedAt: number
  readonly note: DeathNote
  readonly request?: RequestFacts | undefined
}

/** What a durable engine offers on dead tasks. Usable once it started. */
export interface EngineAdmin {
  /** Newest death first. */
  list(query: { readonly limit: number; readonly name?: string | undefined }): Promise<readonly DeadTask[]>
  /** Runs it again under the same id, from attempt 1, at once and without `expiresAt`. False if it is not dead. */
  retry(id: string): Promise<boolean>
  /** Forgets it. False if it is not dead. */
  discard(id: string): Promise<boolean>
}

/**
 * Where accepted tasks wait. An engine never ends a submission by itself: it delivers it, keeps it, or gives it back from
 * `stop`. It never counts attempts, computes a delay, or looks at an outcome but to see whether another attempt follows. An
 * acknowledgement that fails is reported and repeated; the task is not run again for it.
 */
export interface Engine {
  readonly name: string
  /** What it calls the queue in its store, for spans. @default its name */
  readonly queue?: string
  readonly capabilities: EngineCapabilities
  /** The time by which core measures deadlines. @default the system's */
  readonly clock?: Clock
  /** Durable engines. */
  readonly admin?: EngineAdmin
  /** Opens the store, also where this process only adds. Called again, a while later, if it failed. */
  start(host: EngineHost): MaybePromise<void>
  /** Takes the batch and says which were not simply accepted; an empty list means all were. Rejects only when that is unknown. */
  enqueue(batch: readonly Envelope[], options?: EnqueueOptions): MaybePromise<readonly Receipt[]>
  /** Takes back one that waits. A running one is core's to abort. */
  cancel(id: string, reason: string): MaybePromise<'waiting' | 'running' | 'unknown'>
  /** `room` or `closed` allows more than before. */
  wake(): void
  /**
   * Starts nothing more, and gives back what it holds and has not ended. A durable engine waits until the deadline for what runs;
   * what runs from memory is core's alone, which has waited for it.
   */
  stop(options: { readonly deadlineMs: number }): MaybePromise<readonly Envelope[]>
  stats(): MaybePromise<EngineStats>
}

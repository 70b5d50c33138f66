import { inspect } from 'node:util'
import { ABORT_REASONS } from './errors.ts'
import type { AttemptHostOf } from './attempt-host.ts'
import type { Ended } from './engine.ts'
import type { ExecutedTask } from './executor.ts'
import type { Linked } from './linked-set.ts'
import { decideOutcome, type AbortCause, type Decision, type Stopped, type Thrown } from './outcome.ts'
import type { RetryRequest } from './retry.ts'
import type { Submission } from './submission.ts'
import { reasonOr } from './text.ts'
import type { ActiveContext } from './tracing.ts'
import type { Add, AttemptOutcome, Dependency, Logger, RequestFacts, ResolvedSettings, Services } from './task.ts'

export type AttemptHost = AttemptHostOf<Attempt>

/**
 * One execution of a submission, which is the `task` that handlers and middleware see. What most attempts never touch
 * (signal, log, services, state) is made when it is read.
 */
export class Attempt implements ExecutedTask, Linked<Attempt> {
  readonly submission: Submission
  readonly attempt: number
  /** By the engine's clock. */
  readonly startedAt: number
  /** When the attempt is overdue; after it was aborted, when it is stuck. */
  deadline: number
  older: Attempt | undefined
  newer: Attempt | undefined
  active: ActiveContext | undefined
  value: unknown
  handlerThrew: Thrown | undefined
  handlerCalled = false
  decision: Decision | undefined
  aborted: { readonly cause: AbortCause; readonly reason: Error } | undefined
  outcome: AttemptOutcome | undefined
  stopped: Stopped | undefined
  kill: (() => void) | undefined
  readonly ended: Ended
  readonly #host: AttemptHost
  #controller: AbortController | undefined
  #log: Logger | undefined
  #state: Record<string, unknown> | undefined
  #services: Services | undefined
  #waited: PromiseWithResolvers<AttemptOutcome> | undefined
  /** Its thread is gone: that the work ring then ends is no news. */
  #killed = false

  constructor(host: AttemptHost, submission: Submission, ended: Ended) {
    const now = host.clock.now()
    this.#host = host
    this.submission = submission
    this.ended = ended
    this.attempt = submission.attempt
    this.startedAt = now
    this.deadline = now + submission.settings.timeoutMs
  }

  get record(): Submission {
    return this.submission
  }
  get id(): string {
    return this.submission.id
  }
  get name(): string {
    return this.submission.name
  }
  get label(): string {
    return this.submission.label
  }
  get engine(): string {
    return this.submission.engine
  }
  get durable(): boolean {
    return this.submission.durable
  }
  get lostClaims(): number {
    return this.submission.lostClaims
  }
  get depth(): number {
    return this.submission.depth
  }
  get late(): boolean {
    return this.submission.late
  }
  get request(): RequestFacts | undefined {
    return this.submission.request
  }
  get settings(): ResolvedSettings {
    return this.submission.settings
  }
  get delayMs(): number {
    return this.submission.delayMs
  }
  get acceptedAt(): number {
    return this.submission.acceptedAt
  }
  get waitMs(): number {
    return Math.max(0, this.startedAt - (this.submission.readyAt ?? this.startedAt))
  }
  get ageMs(): number {
    return this.startedAt - this.submission.enteredAt
  }
  get carrier(): Record<string, string> {
    return this.submission.carrier
  }
  get input(): unknown {
    return this.submission.input
  }
  get dependencies(): readonly Dependency[] {
    const { dependencies = [] } = this.submission
    return dependencies.flatMap(({ id, name, outcome }) => (outcome ? [{ id, name, outcome }] : []))
  }
  get maxAttempts(): number {
    return this.submission.settings.retry.attempts
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.aborted) this.#controller.abort(this.aborted.reason)
    }
    return this.#controller.signal
  }

  get log(): Logger {
    return (this.#log ??= this.#host.parts.logOf(this))
  }

  get services(): Services {
    return (this.#services ??= this.#host.parts.openServices(this))
  }

  get state(): Record<string, unknown> {
    return (this.#state ??= {})
  }

  get add(): Add {
    return (...args: readonly unknown[]) => this.#host.parts.addFrom(this.submission, args)
  }

  retry(options?: RetryRequest): void {
    this.decision = { kind: 'retry', afterMs: options?.afterMs, beyondAttempts: options?.beyondAttempts }
  }

  fail(reason: string): void {
    this.decision = { kind: 'fail', reason }
  }

  discard(reason: string): void {
    this.decision = { kind: 'discard', reason: reasonOr(reason, 'discarded') }
  }

  progress(fraction: number, note?: string): void {
    const said = note === undefined ? {} : { note }
    this.#host.observers.event({ type: 'progress', record: this.submission, fraction, ...said })
  }

  abort(cause: AbortCause, why: string, until: number): void {
    if (this.outcome) {
      // Between the end of an attempt and its retry, such as in a hook: the retry is what is stopped.
      if (cause !== 'timeout') this.stopped ??= { cause, why }
      return
    }
    const first = !this.aborted
    // What was cancelled or drained after its deadline must not be retried.
    if (first || (this.aborted?.cause === 'timeout' && cause !== 'timeout'))
      this.aborted = { cause, reason: new ABORT_REASONS[cause](why) }
    if (!first) return
    this.deadline = until
    this.#host.deadlines.changed(this)
    this.#controller?.abort(this.aborted?.reason)
  }

  /** The work ring ended. */
  end(threw: Thrown | undefined): void {
    if (this.outcome) return this.#killed ? undefined : this.#host.endedLate(this, threw ?? this.handlerThrew)
    this.finish(decideOutcome(this, threw))
  }

  /** The deadline passed, or the grace after it. */
  overdue(): void {
    const { graceMs } = this.#host
    const now = this.#host.clock.now()
    if (this.aborted) this.letGo()
    else this.abort('timeout', `timed out after ${this.submission.settings.timeoutMs} ms`, now + graceMs)
  }

  /** It ignored its signal. What it still does can no longer change anything, and its slot is free. */
  letGo(): void {
    if (this.outcome || !this.aborted) return
    const afterMs = this.#host.clock.now() - this.startedAt
    const killed = this.kill !== undefined
    this.#host.observers.event({ type: 'stuck', record: this.submission, afterMs, ...(killed && { killed }) })
    this.finish(decideOutcome(this, { value: this.aborted.reason }))
  }

  finish(outcome: AttemptOutcome): void {
    this.outcome = outcome
    this.#stopElsewhere()
    this.#host.deadlines.delete(this)
    const { observers, clock } = this.#host
    const now = clock.now()
    this.submission.endedAt = now
    observers.attempted(this, outcome, now - this.startedAt)
    if (!this.#waited) return this.#host.attemptEnded(this, outcome)
    this.#waited.resolve(outcome)
    // Behind the observers, who asked first: a span has ended before its task has.
    void this.#waited.promise.then(() => this.#host.attemptEnded(this, outcome))
  }

  /** Work on a thread that outlives its attempt, ignoring its signal or not waited for by middleware, is ended with it. */
  #stopElsewhere(): void {
    const { kill } = this
    if (!kill) return
    this.#killed = true
    this.kill = undefined
    kill()
  }

  whenOutcome(): Promise<AttemptOutcome> {
    this.#waited ??= Promise.withResolvers()
    if (this.outcome) this.#waited.resolve(this.outcome)
    return this.#waited.promise
  }

  toJSON(): object {
    return { ...this.submission.toJSON(), attempt: this.attempt, maxAttempts: this.maxAttempts }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }
}

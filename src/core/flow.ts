import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Attempt, AttemptHost } from './attempt.ts'
import { BlockingWatch } from './blocking.ts'
import type { Clock } from './clock.ts'
import { Deadlines } from './deadlines.ts'
import { skippedAfter, waitFor } from './dependencies.ts'
import { Dependents } from './dependents.ts'
import { Dispatch } from './dispatch.ts'
import type { Envelope } from './engine.ts'
import { EngineError, toError } from './errors.ts'
import type { FlowParts } from './flow-parts.ts'
import { InFlight } from './in-flight.ts'
import { Lanes } from './lanes.ts'
import { Observers } from './observers.ts'
import { DUE_TOO_LATE, retriedUnless, skippedBy, wantedAfter, type Thrown } from './outcome.ts'
import { PendingKeys } from './pending-keys.ts'
import { makeRunTask, type RunHost } from './run-task.ts'
import { Submission } from './submission.ts'
import { refuseServices } from './refuse-services.ts'
import { reasonOr } from './text.ts'
import type {
  AttemptOutcome,
  Logger,
  Outcome,
  RequestFacts,
  Services,
  TaskHandle,
  TaskMiddleware,
  TaskRecord,
} from './task.ts'

/**
 * The way of a submission from acceptance to its outcome: held or blocked, given to its engine, run, settled. Whatever is
 * alive is in `live`, and `settle` is the only way out of it.
 */
export class Flow implements RunHost, AttemptHost {
  readonly keys = new PendingKeys()
  readonly lanes: Lanes
  readonly blocking: BlockingWatch
  readonly clock: Clock
  readonly graceMs: number
  readonly live = new InFlight()
  readonly deadlines: Deadlines
  /** Those composed until the start; nobody before. */
  observers = new Observers([])
  /** What a drain gave up. */
  readonly interrupted: TaskRecord[] = []
  /** What is due later than this never starts: a drain ends sooner. By the engine's clock. */
  #horizon = Infinity
  readonly #dispatch: Dispatch
  readonly #parts: FlowParts
  readonly #dependents: Dependents

  constructor(parts: FlowParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.graceMs = parts.limits.graceMs
    this.deadlines = new Deadlines(parts.clock)
    this.blocking = new BlockingWatch(parts.clock, parts.limits.blockWarnMs, {
      running: () => this.deadlines.running.map(({ submission }) => submission),
      report: (blocked) => this.observers.event({ type: 'blocked', ...blocked }),
    })
    this.lanes = new Lanes(parts.clock, () => this.#dispatch.wake())
    this.#dependents = new Dependents({
      settle: (submission, outcome) => this.settle(submission, outcome),
      unblocked: (submission) => this.#enqueue([submission], this.clock.now()),
    })
    this.#dispatch = new Dispatch(parts.engines, {
      settle: (submission, outcome) => this.settle(submission, outcome),
      failure: (where, error, submission) => this.observers.failure(where, error, submission),
      interrupt: ({ current }, why) => current?.abort('drain', why, this.clock.now() + this.graceMs),
      later: (work) => this.clock.setTurn(work),
    })
  }

  /** Closes composition: from now on these observe, and engines run what they hold. */
  start(observers: Observers, middleware: readonly TaskMiddleware[], store: AsyncLocalStorage<unknown>): void {
    this.observers = observers
    this.#dispatch.start({
      consume: true,
      run: makeRunTask(this, middleware, store),
      room: () => this.#parts.limits.concurrency - this.deadlines.size,
      closed: this.lanes.closed,
    })
  }

  /** What waits was asked for again: it waits for that response, too, and runs if any of those who asked wants it to. */
  fold({ origin }: Submission, pending: Submission): void {
    const { holder, request, judged } = origin
    const holds = holder ? holder.holdsToo(pending) : judged && request?.holder?.holdsForResponse(pending)
    if (holds) this.#takeBack(pending)
    if (!judged || !request || wantedAfter(pending.settings, request)) pending.wanted = true
  }

  #takeBack(submission: Submission): void {
    if (submission.state === 'queued' || submission.state === 'delayed')
      this.#dispatch.takeBack(submission, 'asked for again')
    else if (submission.state !== 'blocked') return
    submission.state = 'held'
  }

  /** An accepted submission sets out. */
  enter(submission: Submission, dependencies: readonly Submission[]): void {
    this.keys.add(submission)
    const { holder, request, judged } = submission.origin
    holder?.adds(submission)
    if (submission.task.executor) this.lanes.entered(submission.task)
    const skipped = skippedAfter(submission.options, dependencies)
    if (skipped) return this.settle(submission, { outcome: 'skipped', reason: skipped, attempts: 0 })
    waitFor(submission, dependencies)
    if (holder?.holds(submission) || (judged && request?.holder?.holdsForResponse(submission)))
      submission.state = 'held'
    else if (!this.#skipped(submission)) this.#release(submission, submission.enteredAt)
  }

  /** Nothing of HTTP holds them any more: the response settled or was released, or there is none. */
  letRun(submissions: readonly Submission[], request: RequestFacts): void {
    const ready: Submission[] = []
    for (const submission of submissions) {
      if (submission.settings.runOn !== 'settled') submission.wanted ||= wantedAfter(submission.settings, request)
      if (--submission.gates > 0 || submission.outcome || submission.state !== 'held' || this.#skipped(submission))
        continue
      if (submission.waitsFor > 0) submission.state = 'blocked'
      else ready.push(submission)
    }
    if (ready.length > 0) this.#enqueue(ready, this.clock.now())
  }

  /** By the class of its response, if it has one that is known. */
  #skipped(submission: Submission): boolean {
    if (submission.wanted) return false
    const { settings, origin } = submission
    const { request, judged } = origin
    const reason = judged && request?.response && skippedBy(settings, request.response, request.statusCode)
    if (reason) this.settle(submission, { outcome: 'skipped', reason, attempts: 0 })
    return Boolean(reason)
  }

  #release(submission: Submission, now: number): void {
    if (submission.waitsFor > 0) submission.state = 'blocked'
    else this.#enqueue([submission], now)
  }

  #enqueue(batch: readonly Submission[], now: number): void {
    for (const submission of batch) {
      const { notBefore } = submission
      submission.readyAt = Math.max(now, notBefore)
      submission.state = notBefore > now ? 'delayed' : 'queued'
    }
    if (this.#horizon === Infinity) return this.#dispatch.give(batch)
    const inTime = batch.filter((submission) => !this.#tooLate(submission))
    if (inTime.length > 0) this.#dispatch.give(inTime)
  }

  /** From now on, and of what waits already, only what is due by then is waited for. */
  endBy(horizon: number): void {
    this.#horizon = horizon
    for (const submission of this.live.all())
      if (submission.state === 'delayed' || submission.state === 'backoff') this.#tooLate(submission)
  }

  get #msLeft(): number {
    return this.#horizon - this.clock.now()
  }

  #tooLate(submission: Submission): boolean {
    if (submission.readyAt <= this.#horizon) return false
    this.interrupt(submission, DUE_TOO_LATE)
    return true
  }

  /** Ends what does not run. */
  interrupt(submission: Submission, reason: string): void {
    this.settle(submission, { outcome: 'interrupted', reason, attempts: submission.attempts })
  }

  submissionOf(envelope: Envelope): Submission {
    if (envelope instanceof Submission) return envelope
    throw new EngineError(`the engine gave back an envelope that core did not give it (${envelope.record.id})`)
  }

  logOf(attempt: Attempt): Logger {
    return this.#parts.logOf(attempt)
  }

  openServices(attempt: Attempt): Services {
    const { openServices: open } = this.#parts
    return open && !attempt.outcome ? open(attempt) : refuseServices(attempt.name, open !== undefined)
  }

  addFrom(parent: Submission, args: readonly unknown[]): TaskHandle {
    return this.#parts.addFrom(parent, args)
  }

  /** After the observers saw how the attempt ended; outside every `try` round user code. */
  attemptEnded(attempt: Attempt, outcome: AttemptOutcome): void {
    const { submission } = attempt
    submission.current = undefined
    this.lanes.ended(submission.task)
    submission.attempts = outcome.attempts
    const final = outcome.outcome === 'retried' ? retriedUnless(attempt.stopped, outcome, this.#msLeft) : outcome
    if (final.outcome === 'retried') {
      submission.task.counts.retries++
      submission.state = 'backoff'
      submission.readyAt = this.clock.now() + final.afterMs
    } else this.settle(submission, final, final === outcome)
    try {
      attempt.ended(submission, final)
      this.#dispatch.wakeOthers()
    } catch (thrown) {
      const error = new EngineError(`engine '${submission.engine}' failed to acknowledge`, { cause: thrown })
      this.observers.failure(`engine '${submission.engine}'`, error, submission)
    }
  }

  endedLate({ submission, startedAt, aborted }: Attempt, threw: Thrown | undefined): void {
    const afterMs = this.clock.now() - startedAt
    // That it ended because its signal was aborted is what it was told to do.
    const error = threw && threw.value !== aborted?.reason ? toError(threw.value) : undefined
    this.observers.event({ type: 'late_completion', record: submission, afterMs, ...(error && { error }) })
  }

  /** The one way out: counts the outcome, tells the observers, frees dependents, resolves `settled`. Once per submission. */
  settle(submission: Submission, outcome: Outcome, byAttempt = false): void {
    if (submission.outcome) return
    submission.outcome = outcome
    const { dependents } = submission
    this.live.delete(submission)
    submission.origin.holder?.ends()
    if (submission.task.executor) this.lanes.left(submission.task)
    if (submission.attempts === 0) this.keys.free(submission)
    submission.task.counts.outcomes[outcome.outcome]++
    if (outcome.outcome === 'completed' && outcome.handled) submission.task.counts.handledErrors++
    if (outcome.outcome === 'interrupted' && this.#horizon < Infinity) this.interrupted.push(submission)
    this.observers.settled(submission, outcome, byAttempt)
    submission.end(outcome)
    if (dependents) this.#dependents.free(submission, dependents)
    this.live.tellIdle()
  }

  /** Takes it back if it waits; aborts its signal if it runs, and leaves the outcome to what it does then. */
  cancel(submission: Submission, reason: string): void {
    if (submission.outcome) return
    const why = reasonOr(reason, 'cancelled')
    if (submission.current) return submission.current.abort('cancel', why, this.clock.now() + this.graceMs)
    // Only then does its engine have it; looking for it there takes longer the more of them wait.
    if (submission.state !== 'held' && submission.state !== 'blocked') this.#dispatch.takeBack(submission, why)
    this.settle(submission, { outcome: 'cancelled', reason: why, attempts: submission.attempts })
  }
}

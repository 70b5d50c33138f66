import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Attempt, AttemptHost } from './attempt.ts'
import { BlockingWatch } from './blocking.ts'
import type { Clock } from './clock.ts'
import { Deadlines } from './deadlines.ts'
import { skippedAfter, waitFor } from './dependencies.ts'
import { Dependents } from './dependents.ts'
import { Dispatch } from './dispatch.ts'
import { Fetching } from './durable/fetching.ts'
import { HandOver } from './durable/hand-over.ts'
import type { Envelope } from './engine.ts'
import { EngineError, toError } from './errors.ts'
import type { FlowParts } from './flow-parts.ts'
import { InFlight } from './in-flight.ts'
import type { SubmissionResult } from './observer.ts'
import { Lanes } from './lanes.ts'
import { Observers } from './observers.ts'
import { DUE_TOO_LATE, goesBack, retriedUnless, skippedAfterRequest, wantedAfter, type Thrown } from './outcome.ts'
import { fold, PendingKeys } from './pending-keys.ts'
import { makeRunTask, type RunHost } from './run-task.ts'
import { Submission } from './submission.ts'
import { reasonOr } from './text.ts'
import type { AttemptOutcome, Outcome, RequestFacts, TaskMiddleware, TaskRecord } from './task.ts'

interface Beginning {
  readonly middleware: readonly TaskMiddleware[]
  readonly store: AsyncLocalStorage<unknown>
  readonly consume: boolean
}

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
  /** What went back to its store meanwhile. */
  readonly givenBack: TaskRecord[] = []
  /** What is due later than this never starts: a drain ends sooner. By the engine's clock. */
  #horizon = Infinity
  readonly dispatch: Dispatch
  readonly handOver: HandOver
  readonly parts: FlowParts
  readonly #dependents: Dependents

  constructor(parts: FlowParts) {
    this.parts = parts
    this.clock = parts.clock
    this.graceMs = parts.limits.graceMs
    this.deadlines = new Deadlines(parts.clock)
    this.blocking = new BlockingWatch(parts.clock, parts.limits.blockWarnMs, {
      running: () => this.deadlines.running.map(({ submission }) => submission),
      report: (blocked) => this.observers.event({ type: 'blocked', ...blocked }),
    })
    this.lanes = new Lanes(parts.clock, () => this.dispatch.wake())
    this.#dependents = new Dependents({
      settle: (submission, outcome) => this.settle(submission, outcome),
      unblocked: (submission) => this.#enqueue([submission], this.clock.now()),
    })
    this.dispatch = new Dispatch(parts.engines, this)
    this.handOver = new HandOver(this)
  }

  /** Closes composition: from now on these observe, and engines run what they hold. */
  start(observers: Observers, { middleware, store, consume }: Beginning): void {
    this.observers = observers
    const run = makeRunTask(this, middleware, store)
    const fetching = new Fetching(this, run)
    this.dispatch.start({
      consume,
      run,
      fetchedBy: (engine) => fetching.runFor(engine),
      room: () => this.parts.limits.concurrency - this.deadlines.size,
      roomToFetch: () => (this.#horizon === Infinity ? 1 : 0),
      closed: this.lanes.closed,
    })
  }

  /** What a store has or had is in flight from here on, and until it settles. */
  enterStored(submission: Submission, result: SubmissionResult): void {
    this.live.add(submission)
    if (submission.task.executor) this.lanes.entered(submission.task)
    submission.task.counts.submissions[result]++
    this.observers.submitted(submission, result)
  }

  fold(submission: Submission, pending: Submission): void {
    fold(submission, pending, (one) => this.dispatch.takeBack(one, 'asked for again'))
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
    const reason = origin.judged && origin.request && skippedAfterRequest(settings, origin.request)
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
    if (this.#horizon === Infinity) return this.dispatch.give(batch)
    const inTime = batch.filter((submission) => !this.#tooLate(submission))
    if (inTime.length > 0) this.dispatch.give(inTime)
  }

  /** From now on, and of what waits already, only what is due by then is waited for. */
  endBy(horizon: number): void {
    this.#horizon = horizon
    for (const submission of this.live.all())
      if (submission.state === 'delayed' || submission.state === 'backoff') this.#tooLate(submission)
  }

  /** What goes back to a store has all the time there is. */
  #msLeft({ durable }: Submission): number {
    return durable ? Infinity : this.#horizon - this.clock.now()
  }

  #tooLate(submission: Submission): boolean {
    if ((submission.readyAt ?? 0) <= this.#horizon) return false
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

  /** After the observers saw how the attempt ended; outside every `try` round user code. */
  attemptEnded(attempt: Attempt, outcome: AttemptOutcome): void {
    const { submission, stopped } = attempt
    submission.current = undefined
    this.lanes.ended(submission.task)
    submission.attempts = outcome.attempts
    const final = outcome.outcome === 'retried' ? retriedUnless(stopped, outcome, this.#msLeft(submission)) : outcome
    if (submission.durable && goesBack(final)) this.#giveBack(submission, final)
    else if (final.outcome === 'retried') {
      submission.task.counts.retries++
      submission.state = 'backoff'
      submission.readyAt = this.clock.now() + final.afterMs
    } else this.settle(submission, final, final === outcome)
    try {
      attempt.ended(submission, final)
      this.dispatch.wakeOthers()
    } catch (thrown) {
      const error = new EngineError(`engine '${submission.engine}' failed to acknowledge`, { cause: thrown })
      this.observers.failure(`engine '${submission.engine}'`, error, submission)
    }
  }

  #giveBack(submission: Submission, { outcome, attempts }: AttemptOutcome): void {
    if (outcome === 'retried') submission.task.counts.retries++
    else if (this.#horizon < Infinity) this.givenBack.push(submission)
    this.settle(submission, { outcome: 'handed_over', engine: submission.engine, attempts }, true)
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

  /** A task was defined: what waits in stores under its name may be fetched from now on. */
  becomesKnown(label: string): void {
    if (this.lanes.closed.delete(label)) this.dispatch.wake()
  }

  /** Takes it back if it waits; aborts its signal if it runs, and leaves the outcome to what it does then. */
  cancel(submission: Submission, reason: string): void {
    const why = reasonOr(reason, 'cancelled')
    if (submission.outcome?.outcome === 'handed_over') return this.dispatch.takeBack(submission, why)
    if (submission.outcome) return
    if (submission.durable && !submission.current) return this.handOver.cancel(submission, why)
    if (submission.current) return submission.current.abort('cancel', why, this.clock.now() + this.graceMs)
    // Only then does its engine have it; looking for it there takes longer the more of them wait.
    if (submission.state !== 'held' && submission.state !== 'blocked') this.dispatch.takeBack(submission, why)
    this.settle(submission, { outcome: 'cancelled', reason: why, attempts: submission.attempts })
  }
}

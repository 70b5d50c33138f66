import type { Attempt, AttemptHost } from './attempt.ts'
import { BlockingWatch } from './blocking.ts'
import type { Clock } from './clock.ts'
import { Deadlines } from './deadlines.ts'
import { skippedAfter, waitFor } from './dependencies.ts'
import type { Engine, EngineEvent, EngineHost, Envelope, Receipt, RunTask } from './engine.ts'
import { EngineError, ServicesError } from './errors.ts'
import { InFlight } from './in-flight.ts'
import { Lanes } from './lanes.ts'
import { Observers } from './observers.ts'
import type { Limits } from './options.ts'
import { skippedBy } from './outcome.ts'
import type { RunHost } from './run-task.ts'
import { Submission } from './submission.ts'
import type { AttemptOutcome, Logger, Outcome, Services, TaskContext, TaskHandle } from './task.ts'

export interface FlowParts {
  readonly engines: ReadonlyMap<string, Engine>
  readonly clock: Clock
  readonly limits: Pick<Required<Limits>, 'concurrency' | 'graceMs' | 'blockWarnMs'>
  logOf(task: TaskContext): Logger
  readonly openServices: ((task: TaskContext) => Services) | undefined
  addFrom(parent: Submission, args: readonly unknown[]): TaskHandle
}

/** A task that ended, and those that came after it. */
interface Freed {
  readonly dependency: Submission
  readonly dependents: readonly Submission[]
}

/**
 * The way of a submission from acceptance to its outcome: held or blocked, given to its engine, run, settled. Whatever is
 * alive is in `live`, and `settle` is the only way out of it.
 */
export class Flow implements RunHost, AttemptHost {
  readonly lanes: Lanes
  readonly blocking: BlockingWatch
  readonly clock: Clock
  readonly graceMs: number
  readonly live = new InFlight()
  readonly deadlines: Deadlines
  /** Those composed until the start; nobody before. */
  observers = new Observers([])
  readonly #parts: FlowParts
  #freed: Freed[] = []

  constructor(parts: FlowParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.graceMs = parts.limits.graceMs
    this.deadlines = new Deadlines(parts.clock)
    this.blocking = new BlockingWatch(parts.clock, parts.limits.blockWarnMs, {
      running: () => this.deadlines.running.map(({ submission }) => submission),
      report: (blocked) => this.observers.event({ type: 'blocked', ...blocked }),
    })
    this.lanes = new Lanes(parts.clock, () => this.#wakeEngines())
  }

  /** What engines get to know of core. */
  hostFor(engine: Engine, run: RunTask): EngineHost {
    return {
      consume: true,
      run,
      room: () => this.#parts.limits.concurrency - this.deadlines.size,
      closed: this.lanes.closed,
      report: (event) => this.#engineSays(engine, event),
    }
  }

  #engineSays({ name }: Engine, event: EngineEvent): void {
    if (event.type === 'engine_error') return this.observers.failure(`engine '${name}'`, event.error)
    const submission = event.envelope instanceof Submission ? event.envelope : undefined
    if (event.type === 'ack_failed')
      return this.observers.failure(`engine '${name}' acknowledging`, event.error, submission)
    submission?.current?.abort('drain', `engine '${name}' lost its claim on the task`, Infinity)
  }

  #wakeEngines(): void {
    for (const engine of this.#parts.engines.values()) engine.wake()
  }

  /** An accepted submission sets out. */
  enter(submission: Submission, dependencies: readonly Submission[]): void {
    const skipped = skippedAfter(submission.options, dependencies)
    if (skipped) return this.settle(submission, { outcome: 'skipped', reason: skipped, attempts: 0 })
    if (dependencies.length > 0) {
      submission.dependencies = dependencies
      waitFor(submission, dependencies)
    }
    if (submission.origin.holder?.holds(submission)) submission.state = 'held'
    else if (!this.#skipped(submission)) this.#release(submission, submission.enteredAt)
  }

  /** Nothing of HTTP holds them any more: the response settled or was released, or there is none. */
  letRun(submissions: readonly Submission[]): void {
    const ready: Submission[] = []
    for (const submission of submissions) {
      if (submission.outcome || this.#skipped(submission)) continue
      if (submission.waitsFor > 0) submission.state = 'blocked'
      else ready.push(submission)
    }
    if (ready.length > 0) this.#enqueue(ready, this.clock.now())
  }

  /** By the class of its response, if it has one that is known. */
  #skipped(submission: Submission): boolean {
    const { request, settings } = submission
    const reason = request?.response && skippedBy(settings, request.response, request.statusCode)
    if (reason) this.settle(submission, { outcome: 'skipped', reason, attempts: 0 })
    return reason !== undefined
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
    const { engines } = this.#parts
    for (const [name, engine] of engines) {
      const own = engines.size === 1 ? batch : batch.filter((one) => one.settings.engine === name)
      if (own.length > 0) this.#give(engine, own)
    }
  }

  #give(engine: Engine, batch: readonly Submission[]): void {
    try {
      const receipts = engine.enqueue(batch)
      if (receipts instanceof Promise)
        receipts.then(
          (late) => this.#refused(batch, late),
          (thrown: unknown) => this.#notTaken(engine, batch, thrown),
        )
      else if (receipts.length > 0) this.#refused(batch, receipts)
    } catch (thrown) {
      this.#notTaken(engine, batch, thrown)
    }
  }

  #refused(batch: readonly Submission[], receipts: readonly Receipt[]): void {
    for (const { id, result, error } of receipts) {
      const submission = batch.find((one) => one.id === id)
      const reason = error?.message ?? `the engine answered: ${result}`
      if (submission) this.settle(submission, { outcome: 'dropped', reason, attempts: 0, ...(error && { error }) })
    }
  }

  #notTaken(engine: Engine, batch: readonly Submission[], thrown: unknown): void {
    const error = new EngineError(`engine '${engine.name}' failed to take ${batch.length} tasks`, { cause: thrown })
    this.observers.failure(`engine '${engine.name}'`, error)
    for (const one of batch) this.settle(one, { outcome: 'dropped', reason: error.message, error, attempts: 0 })
  }

  submissionOf(envelope: Envelope): Submission {
    if (envelope instanceof Submission) return envelope
    throw new EngineError(`the engine gave back an envelope that core did not give it (${envelope.record.id})`)
  }

  logOf(attempt: Attempt): Logger {
    return this.#parts.logOf(attempt)
  }

  openServices(attempt: Attempt): Services {
    if (this.#parts.openServices) return this.#parts.openServices(attempt)
    throw new ServicesError(`task '${attempt.name}' reads task.services; give createTasks a container: { services }`)
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
    if (outcome.outcome === 'retried') {
      submission.task.counts.retries++
      submission.state = 'backoff'
      submission.readyAt = this.clock.now() + outcome.afterMs
    } else this.settle(submission, outcome, true)
    try {
      attempt.ended(submission, outcome)
      // The slot that is free now may be what another engine waits for.
      if (this.#parts.engines.size > 1) this.#wakeEngines()
    } catch (thrown) {
      const error = new EngineError(`engine '${submission.engine}' failed to acknowledge`, { cause: thrown })
      this.observers.failure(`engine '${submission.engine}'`, error, submission)
    }
  }

  endedLate(attempt: Attempt): void {
    const afterMs = this.clock.now() - attempt.startedAt
    this.observers.event({ type: 'late_completion', record: attempt.submission, afterMs })
  }

  /** The one way out: counts the outcome, tells the observers, frees dependents, resolves `settled`. Once per submission. */
  settle(submission: Submission, outcome: Outcome, byAttempt = false): void {
    if (submission.outcome) return
    const { dependents } = submission
    this.live.delete(submission)
    submission.task.counts.outcomes[outcome.outcome]++
    if (outcome.outcome === 'completed' && outcome.handled) submission.task.counts.handledErrors++
    this.observers.settled(submission, outcome, byAttempt)
    submission.end(outcome)
    if (dependents) this.#free({ dependency: submission, dependents })
    this.live.tellIdle()
  }

  /** In a loop and not by recursion: what a failure skips may be a chain of thousands. */
  #free(ended: Freed): void {
    this.#freed.push(ended)
    if (this.#freed.length > 1) return
    for (const { dependency, dependents } of this.#freed)
      for (const dependent of dependents) this.#dependencyEnded(dependent, dependency)
    this.#freed = []
  }

  #dependencyEnded(dependent: Submission, dependency: Submission): void {
    if (dependent.outcome) return
    dependent.waitsFor--
    const reason = skippedAfter(dependent.options, [dependency])
    if (reason) this.settle(dependent, { outcome: 'skipped', reason, attempts: 0 })
    else if (dependent.waitsFor === 0 && dependent.state === 'blocked') this.#enqueue([dependent], this.clock.now())
  }

  /** Takes it back if it waits; aborts its signal if it runs, and leaves the outcome to what it does then. */
  cancel(submission: Submission, why: string): void {
    if (submission.outcome) return
    if (submission.current) return submission.current.abort('cancel', why, this.clock.now() + this.graceMs)
    void this.#parts.engines.get(submission.settings.engine)?.cancel(submission.id, why)
    this.settle(submission, { outcome: 'cancelled', reason: why, attempts: submission.attempts })
  }
}

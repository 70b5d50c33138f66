import type { Clock } from '../clock.ts'
import type { Engine } from '../engine.ts'
import { TasksClosedError } from '../errors.ts'
import type { LinkedSet } from '../linked-set.ts'
import type { SubmissionResult } from '../observer.ts'
import type { Observers } from '../observers.ts'
import { skippedBy } from '../outcome.ts'
import type { Submission } from '../submission.ts'
import type { Acceptance, Outcome } from '../task.ts'
import { envelopeOf } from './envelopes.ts'
import { Persist } from './persist.ts'

/** What handing tasks over needs of the flow they are part of. */
export interface HandOverHost {
  readonly clock: Clock
  readonly parts: {
    readonly limits: { readonly persistTimeoutMs: number }
    readonly engines: ReadonlyMap<string, Engine>
  }
  readonly observers: Observers
  readonly dispatch: {
    opened(engine: Engine): Promise<void>
    takeBack(submission: Submission, why: string): void
  }
  readonly live: { readonly unstored: LinkedSet<Submission>; tellIdle(): void }
  /** Counts it as accepted, and as in flight until it settles. */
  enterStored(submission: Submission, result: SubmissionResult): void
  settle(submission: Submission, outcome: Outcome): void
}

/** More in one statement only makes it slow. */
const MOST_AT_ONCE = 1_000

/**
 * The adding side of durable engines: from `add()` until the store has it. A task counts as accepted then, and has ended in
 * this process, as handed over; one that was not stored counts as rejected.
 */
export class HandOver {
  readonly #host: HandOverHost
  readonly #persist: Persist
  /** Those of one go, until its end. */
  #soon: Submission[] = []
  readonly #asked = new WeakMap<Submission, PromiseWithResolvers<Acceptance>>()
  readonly #cancelled = new WeakMap<Submission, string>()

  constructor(host: HandOverHost) {
    this.#host = host
    const { clock, parts } = host
    const opened = (engine: Engine) => host.dispatch.opened(engine)
    this.#persist = new Persist({ clock, persistTimeoutMs: parts.limits.persistTimeoutMs, opened })
  }

  find(id: string): Submission | undefined {
    for (const submission of this.#host.live.unstored) if (submission.id === id) return submission
    return undefined
  }

  /** Takes what `add()` found good: for the end of its request's chain, or else at once. */
  keep(submission: Submission): void {
    const { observers } = this.#host
    const { holder, request, judged } = submission.origin
    observers.adding(submission)
    this.#host.live.unstored.add(submission)
    holder?.adds(submission)
    if (submission.options.transaction !== undefined) return this.#storeNow([submission])
    const waitsFor = holder ?? (judged ? request?.holder : undefined)
    if (waitsFor?.keeps(submission)) {
      submission.state = 'held'
      return
    }
    this.#soon.push(submission)
    if (this.#soon.length === 1) queueMicrotask(() => this.#storeSoon())
  }

  /** Stores a batch. The first reason why something of it was not stored; never rejects. */
  readonly store = async (batch: readonly Submission[]): Promise<Error | undefined> => {
    const wanted = batch.filter((submission) => !submission.outcome && !this.#skipped(submission))
    for (const submission of wanted) submission.state = 'queued'
    const errors: (Error | undefined)[] = []
    const stored = [...this.#host.parts.engines].flatMap(([key, engine]) => {
      const own = wanted.filter(({ settings }) => settings.engine === key)
      return chunks(own).map(async (some) => void errors.push(await this.#storeIn(engine, some)))
    })
    await Promise.all(stored)
    // A drain may have given up some of them before.
    for (const { outcome } of batch) if (outcome?.outcome === 'dropped') errors.push(outcome.error)
    return errors.find((error) => error !== undefined)
  }

  /** Whoever asks gets an answer as soon as there can be one. */
  acceptance(submission: Submission): Promise<Acceptance> {
    if (submission.outcome) return Promise.resolve(acceptanceOf(submission.outcome))
    let asked = this.#asked.get(submission)
    if (!asked) this.#asked.set(submission, (asked = Promise.withResolvers()))
    if (submission.state === 'held') submission.origin.holder?.storesNow()
    return asked.promise
  }

  cancel(submission: Submission, why: string): void {
    if (submission.state === 'queued' && !this.#soon.includes(submission)) {
      this.#cancelled.set(submission, why)
      return
    }
    this.#enter(submission)
    this.#end(submission, { outcome: 'cancelled', reason: why, attempts: 0 })
  }

  /** What is not stored when the runner closes never is. */
  giveUp(): void {
    for (const submission of this.#host.live.unstored)
      this.#reject(submission, new TasksClosedError('the runner closed before this task was stored'))
  }

  #storeSoon(): void {
    const soon = this.#soon
    this.#soon = []
    this.#storeNow(soon)
  }

  #storeNow(batch: readonly Submission[]): void {
    const storing = this.store(batch)
    for (const holder of new Set(batch.map(({ origin }) => origin.holder))) holder?.alsoStores(storing)
  }

  async #storeIn(engine: Engine, batch: readonly Submission[]): Promise<Error | undefined> {
    const { observers } = this.#host
    const sending = { engine: engine.name, queue: engine.queue ?? engine.name, records: batch }
    const transaction = batch[0]?.options.transaction
    const refused = await observers.send(sending, async () => {
      // Only now: observers have written what travels with each.
      const envelopes = batch.map(envelopeOf)
      return this.#persist.store(engine, envelopes, transaction === undefined ? undefined : { transaction })
    })
    for (const submission of batch) {
      const error = refused.get(submission.id)
      if (error) this.#reject(submission, error)
      else this.#handedOver(submission, engine)
    }
    return [...refused.values()][0]
  }

  #handedOver(submission: Submission, engine: Engine): void {
    if (submission.outcome) return
    this.#enter(submission)
    this.#end(submission, { outcome: 'handed_over', engine: engine.name, attempts: 0 })
    const why = this.#cancelled.get(submission)
    if (why !== undefined) this.#host.dispatch.takeBack(submission, why)
  }

  /** By how its request ends, as far as that is known now. */
  #skipped(submission: Submission): boolean {
    const { settings, origin } = submission
    const { request, judged } = origin
    if (settings.runOn === 'settled' || !judged || !request) return false
    const reason = request.holder
      ? request.holder.skips(settings)
      : skippedBy(settings, request.response ?? 'sent', request.statusCode)
    if (reason === undefined) return false
    this.#enter(submission)
    this.#end(submission, { outcome: 'skipped', reason, attempts: 0 })
    return true
  }

  #enter(submission: Submission): void {
    this.#host.live.unstored.delete(submission)
    this.#host.enterStored(submission, 'accepted')
  }

  #end(submission: Submission, outcome: Outcome): void {
    this.#host.settle(submission, outcome)
    this.#asked.get(submission)?.resolve(acceptanceOf(outcome))
  }

  #reject(submission: Submission, error: Error): void {
    if (submission.outcome) return
    this.#host.live.unstored.delete(submission)
    submission.origin.holder?.refuses(submission)
    submission.task.counts.submissions.rejected++
    this.#host.observers.submitted(submission, 'rejected', error)
    const outcome: Outcome = { outcome: 'dropped', reason: error.message, error, attempts: 0 }
    submission.end(outcome)
    this.#asked.get(submission)?.resolve(acceptanceOf(outcome))
    this.#host.live.tellIdle()
  }
}

/** What was not stored ended as dropped, without having been accepted. */
const acceptanceOf = (outcome: Outcome): Acceptance =>
  outcome.outcome === 'dropped' && outcome.error ? { accepted: false, error: outcome.error } : { accepted: true }

function chunks(all: readonly Submission[]): readonly (readonly Submission[])[] {
  const some: (readonly Submission[])[] = []
  for (let from = 0; from < all.length; from += MOST_AT_ONCE) some.push(all.slice(from, from + MOST_AT_ONCE))
  return some
}

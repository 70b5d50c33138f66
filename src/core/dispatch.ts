import { runNeutral, type Clock } from './clock.ts'
import { Opening } from './durable/opening.ts'
import type { Engine, EngineEvent, EngineHost, Envelope, Receipt, RunTask } from './engine.ts'
import { EngineError } from './errors.ts'
import { messageOf } from './text.ts'
import { Submission } from './submission.ts'
import type { Outcome } from './task.ts'
import { Turns } from './turns.ts'

/** What giving tasks to engines needs of the flow they are part of. */
export interface DispatchHost {
  readonly clock: Clock
  readonly graceMs: number
  readonly observers: { failure(where: string, error: Error, submission?: Submission): void }
  readonly live: { find(id: string): Submission | undefined }
  settle(submission: Submission, outcome: Outcome): void
}

/** What engines are started with. */
export interface Work {
  /** Whether tasks of durable engines run in this process. */
  readonly consume: boolean
  readonly run: RunTask
  readonly fetchedBy: (engine: Engine) => RunTask
  room(): number
  /** Nothing is fetched any more once the runner drains. */
  roomToFetch(): number
  readonly closed: ReadonlySet<string>
}

/** The only place that talks to engines. Whatever one of them fails at is its own failure, and costs no task its record. */
export class Dispatch {
  readonly #engines: ReadonlyMap<string, Engine>
  /** Most runners have one, and then each task is spared looking for it. */
  readonly #only: Engine | undefined
  readonly #host: DispatchHost
  readonly #openings = new Map<Engine, Opening>()

  constructor(engines: ReadonlyMap<string, Engine>, host: DispatchHost) {
    this.#engines = engines
    if (engines.size === 1) [this.#only] = engines.values()
    this.#host = host
  }

  start(work: Work): void {
    const { closed, room } = work
    const turns = this.#engines.size > 1 ? new Turns(room, (wake) => this.#host.clock.setTurn(wake)) : undefined
    for (const engine of new Set(this.#engines.values())) {
      const own = turns ? () => turns.room(engine) : room
      const report = (event: EngineEvent) => this.#says(engine, event)
      if (engine.capabilities.durable) {
        const fetchRoom = () => (work.roomToFetch() > 0 ? own() : 0)
        const fetching = turns && { fetching: () => turns.fetching(engine) }
        const host = {
          consume: work.consume,
          run: work.fetchedBy(engine),
          room: fetchRoom,
          ...fetching,
          closed,
          report,
        }
        this.#open(engine, host)
      } else this.#start(engine, { consume: true, run: work.run, room: own, closed, report })
    }
  }

  #start(engine: Engine, host: EngineHost): void {
    const failed = (cause: unknown) => this.#failed(engine, 'start', cause)
    try {
      const started = engine.start(host)
      if (started) started.catch(failed)
    } catch (thrown) {
      failed(thrown)
    }
  }

  #open(engine: Engine, host: EngineHost): void {
    const opening = new Opening(engine, host, {
      clock: this.#host.clock,
      failed: (error) => this.#host.observers.failure(`engine '${engine.name}'`, error),
    })
    this.#openings.set(engine, opening)
    // Reported where it failed; it tries again by itself.
    runNeutral(() => void opening.open().catch(() => undefined))
  }

  /** Once the store of a durable engine is open. Rejects if the last try failed. */
  async opened(engine: Engine): Promise<void> {
    await this.#openings.get(engine)?.open()
  }

  /** Rejects if any could not be opened; each goes on trying. */
  async allOpened(): Promise<void> {
    await Promise.all([...this.#openings.values()].map((opening) => opening.open()))
  }

  /** Takes a task back out of whatever store it is in. False if it is in none; rejects if one could not be asked, and no other has it. */
  async cancelStored(id: string, why: string): Promise<boolean> {
    const asked = await Promise.allSettled(
      [...this.#openings].map(async ([engine, opening]) => {
        await opening.open()
        return (await runNeutral(() => engine.cancel(id, why))) !== 'unknown'
      }),
    )
    if (asked.some((one) => one.status === 'fulfilled' && one.value)) return true
    for (const one of asked) if (one.status === 'rejected') throw one.reason
    return false
  }

  /** Opens nothing any more. */
  close(): void {
    for (const opening of this.#openings.values()) opening.close()
  }

  give(batch: readonly Submission[]): void {
    if (this.#only) return this.#giveTo(this.#only, batch)
    for (const [name, engine] of this.#engines) {
      const own = batch.filter((one) => one.settings.engine === name)
      if (own.length > 0) this.#giveTo(engine, own)
    }
  }

  takeBack({ id, settings }: Submission, why: string): void {
    const engine = this.#engines.get(settings.engine)
    if (!engine) return
    try {
      const said = runNeutral(() => engine.cancel(id, why))
      if (said instanceof Promise) said.catch((cause: unknown) => this.#failed(engine, 'take back a task', cause))
    } catch (cause) {
      this.#failed(engine, 'take back a task', cause)
    }
  }

  wake(): void {
    for (const engine of this.#engines.values()) engine.wake()
  }

  /** After an attempt: the slot that is free now may be what another engine waits for. */
  wakeOthers(): void {
    if (this.#engines.size > 1) this.wake()
  }

  #giveTo(engine: Engine, batch: readonly Submission[]): void {
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
      const reason = (error && messageOf(error)) || `the engine answered: ${result}`
      if (submission)
        this.#host.settle(submission, { outcome: 'dropped', reason, attempts: 0, ...(error && { error }) })
    }
  }

  #notTaken(engine: Engine, batch: readonly Submission[], thrown: unknown): void {
    const error = this.#failed(engine, `take ${batch.length} tasks`, thrown)
    for (const one of batch) this.#host.settle(one, { outcome: 'dropped', reason: error.message, error, attempts: 0 })
  }

  #failed(engine: Engine, what: string, cause: unknown): EngineError {
    const error = new EngineError(`engine '${engine.name}' failed to ${what}`, { cause })
    this.#host.observers.failure(`engine '${engine.name}'`, error)
    return error
  }

  #says({ name }: Engine, event: EngineEvent): void {
    if (event.type === 'engine_error') return this.#host.observers.failure(`engine '${name}'`, event.error)
    const submission = this.#submissionOf(event.envelope)
    if (event.type === 'ack_failed')
      return this.#host.observers.failure(`engine '${name}' acknowledging`, event.error, submission)
    // Somebody else runs it now, or it was cancelled: it is let go if it does not end within a grace.
    const { clock, graceMs } = this.#host
    submission?.current?.abort('drain', `engine '${name}' lost its claim on the task`, clock.now() + graceMs)
  }

  #submissionOf(envelope: Envelope): Submission | undefined {
    return envelope instanceof Submission ? envelope : this.#host.live.find(envelope.record.id)
  }
}

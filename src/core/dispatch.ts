import type { Engine, EngineEvent, EngineHost, Receipt } from './engine.ts'
import { EngineError } from './errors.ts'
import { messageOf } from './text.ts'
import { Submission } from './submission.ts'
import type { Outcome } from './task.ts'
import { Turns } from './turns.ts'

/** What giving tasks to engines needs of the flow they are part of. */
export interface DispatchHost {
  settle(submission: Submission, outcome: Outcome): void
  failure(where: string, error: Error, submission?: Submission): void
  /** Aborts what runs, and lets it go if it does not end within a grace: somebody else runs it now. */
  interrupt(submission: Submission, why: string): void
  /** In a turn of the event loop of its own. */
  later(work: () => void): void
}

/** The only place that talks to engines. Whatever one of them fails at is its own failure, and costs no task its record. */
export class Dispatch {
  readonly #engines: ReadonlyMap<string, Engine>
  readonly #host: DispatchHost

  constructor(engines: ReadonlyMap<string, Engine>, host: DispatchHost) {
    this.#engines = engines
    this.#host = host
  }

  start(host: Omit<EngineHost, 'report'>): void {
    const turns = this.#engines.size > 1 ? new Turns(host.room, this.#host.later) : undefined
    for (const engine of this.#engines.values()) {
      const failed = (cause: unknown) => this.#failed(engine, 'start', cause)
      try {
        const room = turns ? () => turns.room(engine) : host.room
        const started = engine.start({ ...host, room, report: (event) => this.#says(engine, event) })
        if (started) started.catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
  }

  give(batch: readonly Submission[]): void {
    for (const [name, engine] of this.#engines) {
      const own = this.#engines.size === 1 ? batch : batch.filter((one) => one.settings.engine === name)
      if (own.length > 0) this.#giveTo(engine, own)
    }
  }

  takeBack({ id, settings }: Submission, why: string): void {
    const engine = this.#engines.get(settings.engine)
    if (!engine) return
    try {
      const said = engine.cancel(id, why)
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
    this.#host.failure(`engine '${engine.name}'`, error)
    return error
  }

  #says({ name }: Engine, event: EngineEvent): void {
    if (event.type === 'engine_error') return this.#host.failure(`engine '${name}'`, event.error)
    const submission = event.envelope instanceof Submission ? event.envelope : undefined
    if (event.type === 'ack_failed')
      return this.#host.failure(`engine '${name}' acknowledging`, event.error, submission)
    if (submission) this.#host.interrupt(submission, `engine '${name}' lost its claim on the task`)
  }
}

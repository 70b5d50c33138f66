import type { Clock } from '../clock.ts'
import { runNeutral } from '../clock.ts'
import type { Engine, Envelope, EnqueueOptions, Receipt } from '../engine.ts'
import { toError } from '../errors.ts'
import { TasksNotStoredError } from './errors.ts'

export interface PersistHost {
  readonly clock: Clock
  readonly persistTimeoutMs: number
  opened(engine: Engine): Promise<void>
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 500

/**
 * Gives batches to durable engines and waits for what they say, `persistTimeoutMs` at most. Within that a failure is repeated:
 * the ids are made before, so an answer that was lost on its way comes back as a duplicate, which is as good. While a store
 * is known to fail, each batch is tried once, so that requests fail fast.
 */
export class Persist {
  readonly #host: PersistHost
  readonly #failing = new Set<Engine>()

  constructor(host: PersistHost) {
    this.#host = host
  }

  /** By id, why it was not stored. Empty if all was. Never rejects. */
  async store(
    engine: Engine,
    batch: readonly Envelope[],
    options?: EnqueueOptions,
  ): Promise<ReadonlyMap<string, Error>> {
    const { clock, persistTimeoutMs } = this.#host
    const late = Promise.withResolvers<typeof LATE>()
    const timer = clock.setTimer(() => late.resolve(LATE), persistTimeoutMs)
    try {
      return refusedBy(engine, await this.#tries({ engine, batch, options }, late.promise))
    } catch (thrown) {
      this.#failing.add(engine)
      const error = thrown instanceof TasksNotStoredError ? thrown : notStored(engine, toError(thrown))
      return new Map(batch.map(({ record }) => [record.id, error]))
    } finally {
      timer.close()
    }
  }

  /** @throws what the engine threw last, or that it is too late */
  async #tries({ engine, batch, options }: Batch, late: Promise<typeof LATE>): Promise<readonly Receipt[]> {
    // A statement that failed has ended the caller's transaction.
    const repeats = options?.transaction === undefined && !this.#failing.has(engine)
    for (let pauseMs = FIRST_PAUSE_MS, last: unknown; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const receipts = await Promise.race([this.#try({ engine, batch, options }), late])
        if (receipts === LATE) throw new TasksNotStoredError(TOO_LATE, last === undefined ? {} : { cause: last })
        this.#failing.delete(engine)
        return receipts
      } catch (thrown) {
        if (!repeats || thrown instanceof TasksNotStoredError) throw thrown
        last = thrown
      }
      const pause = Promise.withResolvers<void>()
      const timer = this.#host.clock.setTimer(pause.resolve, pauseMs)
      const ended = await Promise.race([pause.promise, late])
      timer.close()
      if (ended === LATE) throw last
    }
  }

  /** In nobody's async context: what an engine goes on doing must not hold the request of whoever woke it. */
  async #try({ engine, batch, options }: Batch): Promise<readonly Receipt[]> {
    await this.#host.opened(engine)
    return runNeutral(() => engine.enqueue(batch, options))
  }
}

interface Batch {
  readonly engine: Engine
  readonly batch: readonly Envelope[]
  readonly options: EnqueueOptions | undefined
}

const LATE = Symbol('late')
/** It is shown to clients. */
const NOT_STORED = 'The work of this request could not be stored, so it is not acknowledged; try again'
const TOO_LATE = `${NOT_STORED} (the store did not answer in time)`

const notStored = ({ name }: Engine, cause: Error): TasksNotStoredError =>
  new TasksNotStoredError(NOT_STORED, { cause: cause, engine: name })

function refusedBy(engine: Engine, receipts: readonly Receipt[]): ReadonlyMap<string, Error> {
  const refused = receipts.filter(({ result }) => result === 'rejected')
  return new Map(refused.map(({ id, error }) => [id, notStored(engine, error ?? new Error('the engine refused it'))]))
}

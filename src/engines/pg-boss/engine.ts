import type {
  Ended,
  Engine,
  EngineAdmin,
  EngineCapabilities,
  EngineEvent,
  EngineHost,
  EngineStats,
  EnqueueOptions,
  Envelope,
  Receipt,
} from '../../core/engine.ts'
import { EngineError } from '../../core/errors.ts'
import { adminOf, isId } from './admin.ts'
import { Claims } from './claims.ts'
import { explained } from './errors.ts'
import { Fetching } from './fetching.ts'
import { jobOf } from './job.ts'
import { openStore } from './open.ts'
import type { Settings } from './options.ts'
import type { Store } from './store.ts'
import { SeldomReports } from './seldom.ts'
import { dbOf } from './transaction.ts'
import { settledWithin, within } from './within.ts'

/** What a store that does not answer may take beyond the deadline of `stop`. */
const LAST_WORDS_MS = 1_000
const CLOSING_MS = 500
/** How long an add waits for a store that is being opened. */
const OPENING_MS = 5_000

interface Works {
  readonly store: Store
  readonly claims: Claims
  readonly fetching: Fetching
}

export class PgBossEngine implements Engine {
  readonly name = 'pg_boss'
  readonly queue: string
  readonly capabilities: EngineCapabilities
  readonly admin: EngineAdmin
  readonly #settings: Settings
  #stopped = false
  #works: Works | undefined
  #opening: Promise<Works> | undefined
  #report: (event: EngineEvent) => void = () => {}

  constructor(settings: Settings) {
    this.#settings = settings
    const { pollMs, queue } = settings.queue
    this.queue = queue
    this.capabilities = { durable: true, delay: true, priority: true, transaction: true, lateByMs: pollMs }
    this.admin = adminOf(async () => (await this.#ready()).store)
  }

  /** Opens the store, or rejects; it may be called again then. */
  async start(host: EngineHost): Promise<void> {
    const seldom = new SeldomReports((error) => host.report({ type: 'engine_error', error }))
    this.#report = (event) => (event.type === 'engine_error' ? seldom.report(event.error) : host.report(event))
    this.#opening = this.#open(host)
    this.#works = await this.#opening
  }

  /** Also what was begun before the store was open, such as an add, once it is. */
  enqueue(batch: readonly Envelope[], options?: EnqueueOptions): Promise<readonly Receipt[]> {
    return this.#explain(async () => {
      const { store } = await this.#ready()
      const { transaction } = options ?? {}
      const jobs = batch.map((envelope) => jobOf(envelope))
      const stored = await store.insert(jobs, transaction === undefined ? undefined : await dbOf(transaction))
      // Before it commits there is nothing to fetch; pg-boss notifies when it does.
      if (transaction === undefined) this.wake()
      return batch
        .filter(({ record }) => !stored.has(record.id))
        .map(({ record }) => ({ id: record.id, result: 'duplicate' }))
    })
  }

  cancel(id: string): Promise<'waiting' | 'running' | 'unknown'> {
    return this.#explain(async () => {
      const { store, claims } = await this.#ready()
      if (claims.holds(id)) return 'running'
      return isId(id) ? store.cancel(id) : 'unknown'
    })
  }

  wake(): void {
    this.#works?.fetching.wake()
  }

  stats(): Promise<EngineStats> {
    return this.#explain(async () => (await this.#ready()).store.stats())
  }

  /**
   * A store that does not answer costs a moment more than the deadline. What is claimed then is free for others once its claim
   * has run out, or when an embedded store is opened again.
   */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<readonly Envelope[]> {
    this.#stopped = true
    await settledWithin(LAST_WORDS_MS, this.#opening ?? Promise.resolve())
    if (!this.#works) return []
    const { store, claims, fetching } = this.#works
    const fetched = fetching.stop()
    await settledWithin(deadlineMs, claims.untilNone())
    const { left, underWay } = claims.giveUp()
    const putBack = left.length > 0 ? store.putBack(left) : Promise.resolve()
    putBack.catch((thrown: unknown) => this.#failed(thrown))
    await settledWithin(LAST_WORDS_MS, fetched, underWay, putBack)
    const closing = store.medium.close()
    closing.catch((thrown: unknown) => this.#failed(thrown))
    await settledWithin(CLOSING_MS, closing)
    return left.map(({ envelope }) => envelope)
  }

  async #open(host: EngineHost): Promise<Works> {
    const store = await openStore(this.#settings, {
      consume: host.consume,
      wake: () => this.wake(),
      report: (error) => this.#failed(error),
    })
    if (this.#stopped) {
      await store.medium.close()
      throw new EngineError('stopped while it opened its store')
    }
    const claims = new Claims(store, (event) => this.#report(event))
    const ended: Ended = (envelope, ending, dead) => {
      claims.end({ envelope, ending, dead })
      fetching.wake()
    }
    const fetching = new Fetching({ store, claims, host, ended, failed: (thrown) => this.#failed(thrown) })
    return { store, claims, fetching }
  }

  async #ready(): Promise<Works> {
    if (this.#works) return this.#works
    if (!this.#opening) throw new EngineError('the engine is not started: call `tasks.start()`, or serve a request')
    return within(OPENING_MS, this.#opening, () => new EngineError('the store is not open yet'))
  }

  /** Errors of the store, said in words. */
  async #explain<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (thrown) {
      throw explained(thrown)
    }
  }

  #failed(thrown: unknown): void {
    this.#report({ type: 'engine_error', error: explained(thrown) })
  }
}

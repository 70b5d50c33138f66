/** Tasks in Redis, by BullMQ: they survive crashes and spread over machines. Why it is so: docs/decisions/0003. */
import type { Engine, EngineHost, EngineStats, Envelope, Receipt } from '../core/engine.ts'
import { EngineError } from '../core/errors.ts'
import { checkMsOf } from './bullmq/backend.ts'
import { Claims } from './bullmq/claims.ts'
import { Fetcher, SWEEP_MS } from './bullmq/fetcher.ts'
import { Admin, cancel, statsOf } from './bullmq/look.ts'
import { resolveOptions, type BullmqOptions, type Settings } from './bullmq/options.ts'
import { add, openStore, reportTo, type Store } from './bullmq/store.ts'

export type { BullmqOptions }

/**
 * Keeps tasks in Redis, in one queue of BullMQ per task: at least once, on any number of machines, as durable as that Redis is.
 * It has to append to a file and to evict nothing; otherwise `start` fails with `NotDurableError`.
 * @throws InvalidOptionError
 */
export const bullmq = (options: BullmqOptions): Engine => new BullmqEngine(resolveOptions(options))

/** How long what `stop` puts back may take at its deadline. */
const LAST_WORDS_MS = 500

interface Working {
  readonly claims: Claims
  readonly fetcher: Fetcher
  readonly beat: NodeJS.Timeout
}

class BullmqEngine implements Engine {
  readonly name = 'bullmq'
  readonly queue: string
  readonly capabilities = { durable: true, delay: true, priority: true, lateByMs: SWEEP_MS } as const
  readonly admin = new Admin(() => this.#opened)
  readonly #settings: Settings
  #store: Store | undefined
  #working: Working | undefined
  #stopped = false

  constructor(settings: Settings) {
    this.#settings = settings
    this.queue = settings.queue
  }

  async start(host: EngineHost): Promise<void> {
    const store = await openStore(this.#settings, host.consume, {
      report: (event) => host.report(event),
      warn: (error) => process.emitWarning(error),
      back: () => this.#back(),
    })
    if (this.#stopped) return store.close()
    this.#store = store
    if (!host.consume) return
    const claims = new Claims(store, host)
    const checkMs = checkMsOf(this.#settings)
    const beat = (): void => void claims.beat().catch((thrown: unknown) => reportTo(host, store, thrown))
    this.#working = {
      claims,
      fetcher: new Fetcher({ store, host, claims, checkMs }),
      beat: setInterval(beat, checkMs),
    }
    this.wake()
  }

  async enqueue(batch: readonly Envelope[]): Promise<readonly Receipt[]> {
    const receipts = await add(this.#opened, batch)
    this.wake()
    return receipts
  }

  cancel(id: string): Promise<'waiting' | 'running' | 'unknown'> {
    return cancel(this.#opened, id)
  }

  wake(): void {
    this.#working?.fetcher.wake()
  }

  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<readonly Envelope[]> {
    this.#stopped = true
    const { claims, fetcher, beat } = this.#working ?? {}
    const startedAt = performance.now()
    const rest = (): number => Math.max(deadlineMs - (performance.now() - startedAt), 0)
    if (fetcher) await within(rest(), fetcher.stop())
    if (claims) await claims.drained(rest())
    const abandoned = claims?.abandon()
    if (abandoned) await within(LAST_WORDS_MS, abandoned.stored)
    clearInterval(beat)
    this.#store?.close()
    return abandoned?.left ?? []
  }

  stats(): Promise<EngineStats> {
    return statsOf(this.#opened)
  }

  get #opened(): Store {
    if (!this.#store) throw new EngineError("engine 'bullmq' is not started")
    return this.#store
  }

  /** Redis is there again: what was claimed is held on to at once, and what was missed is looked for. */
  #back(): void {
    this.#working?.claims.beat().catch(() => {})
    this.#working?.fetcher.back()
  }
}

/** Waits for it, but not longer. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work, promise])
  clearTimeout(timer)
}

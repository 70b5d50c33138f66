// The forerunner of src/engines/pg-boss.ts: it shows that the seam in src/core/engine.ts holds for a durable engine. What it
// rests on, such as why it has its own loop over `fetch`, is in docs/decisions/0001-engine-seam.md.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandResponse, Db, JobAttempt, JobInsert } from 'pg-boss'
import type {
  Ended,
  Ending,
  Engine,
  EngineCapabilities,
  EngineHost,
  EngineStats,
  Envelope,
  Receipt,
} from '../../src/core/engine.ts'
import { dbOf, openStore, type Store, type StoreOptions } from './pg-boss-pglite-store.ts'

export interface PgBossEngineOptions extends StoreOptions {
  /** @default 500 */
  readonly pollMs?: number
}

export const pgBossEngine = (options: PgBossEngineOptions): Engine => new PgBossEngine(options)

/** A claim is held, and kept alive, until the end of its run is stored. */
interface Held {
  readonly envelope: Envelope
  readonly claim: JobAttempt
  acknowledged?: Promise<void>
}

const RANK = { low: -1, normal: 0, high: 1 }
const MOST_FETCHED = 100
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000

class PgBossEngine implements Engine {
  readonly name = 'pg_boss'
  readonly capabilities: EngineCapabilities
  readonly #options: PgBossEngineOptions
  readonly #held = new Map<string, Held>()
  readonly #deadline = new AbortController()
  #opened: { readonly store: Store; readonly host: EngineHost } | undefined
  #timers: NodeJS.Timeout[] = []
  #pumping: Promise<void> | undefined
  #again = false
  #stopping = false
  #noneHeld = (): void => {}
  #flush: { readonly claims: JobAttempt[]; readonly done: Promise<readonly string[]> } | undefined
  #flushed: Promise<unknown> = Promise.resolve()

  constructor(options: PgBossEngineOptions) {
    this.#options = options
    this.capabilities = { durable: true, delay: true, priority: true, lateByMs: options.pollMs ?? 500 }
  }

  async start(host: EngineHost): Promise<void> {
    const store = await openStore(this.#options, (error) =>
      host.report({ type: 'engine_error', error: toError(error) }),
    )
    this.#opened = { store, host }
    const beatMs = ((this.#options.heartbeatSeconds ?? 30) * 1_000) / 3
    this.#timers = [
      setInterval(() => this.wake(), this.capabilities.lateByMs),
      // `#beat` reports what goes wrong.
      setInterval(() => void this.#beat(), beatMs),
    ]
    this.wake()
  }

  async enqueue(batch: readonly Envelope[]): Promise<readonly Receipt[]> {
    const stored = await this.#insert(batch.map((envelope) => jobOf(envelope)))
    this.wake()
    return batch
      .filter(({ record }) => !stored.has(record.id))
      .map(({ record }) => ({ id: record.id, result: 'duplicate' }))
  }

  async cancel(id: string): Promise<'waiting' | 'running' | 'unknown'> {
    const { boss, queue } = this.#store
    const taken = this.#held.has(id) ? 'running' : 'waiting'
    return settledOf(await boss.cancel(queue, id)).length === 1 ? taken : 'unknown'
  }

  wake(): void {
    if (!this.#opened?.host.consume || this.#stopping) return
    this.#again = true
    this.#pumping ??= this.#pump()
      .catch((thrown: unknown) => this.#failed(thrown))
      .finally(() => {
        this.#pumping = undefined
        if (this.#again) this.wake()
      })
  }

  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<readonly Envelope[]> {
    if (!this.#opened) return []
    const deadline = setTimeout(() => this.#deadline.abort(), deadlineMs)
    this.#stopping = true
    for (const timer of this.#timers) clearInterval(timer)
    await this.#pumping
    await this.#untilNoneIsHeld()
    clearTimeout(deadline)
    // Also when nothing was held: a pause between two acknowledgements must not outlive this.
    this.#deadline.abort()
    const held = [...this.#held.values()]
    const left = held.filter(({ acknowledged }) => !acknowledged)
    this.#held.clear()
    await Promise.all(held.flatMap(({ acknowledged }) => acknowledged ?? []))
    await this.#putBack(left)
    await this.#store.close()
    return left.map(({ envelope }) => envelope)
  }

  stats(): Promise<EngineStats> {
    return this.#store.stats()
  }

  get #store(): Store {
    return this.#started.store
  }

  get #host(): EngineHost {
    return this.#started.host
  }

  get #started(): { readonly store: Store; readonly host: EngineHost } {
    if (!this.#opened) throw new Error('the engine is not started')
    return this.#opened
  }

  #failed(thrown: unknown): void {
    this.#host.report({ type: 'engine_error', error: toError(thrown) })
  }

  #lost(envelope: Envelope): void {
    this.#host.report({ type: 'claim_lost', envelope })
  }

  /** pg-boss leaves out what it has already, so what was stored is what it names. */
  async #insert(jobs: JobInsert[], db?: Db): Promise<ReadonlySet<string>> {
    const { boss, queue } = this.#store
    const ids = await boss.insert(queue, jobs, { returnId: true, ...(db && { db }) })
    return new Set(ids?.map(plainId))
  }

  async #pump(): Promise<void> {
    const { boss, queue } = this.#store
    const { closed } = this.#host
    while (this.#again && !this.#stopping) {
      this.#again = false
      const batchSize = Math.min(this.#host.room(), MOST_FETCHED)
      if (batchSize < 1) return
      const jobs = await boss.fetch<Envelope>(queue, { batchSize, ignoreGroups: [...closed] })
      const back = jobs.flatMap(({ id, retryCount, data }) =>
        this.#deliver({ envelope: data, claim: { id, retryCount } }),
      )
      await this.#putBack(back)
      if (jobs.length === batchSize) this.#again = true
    }
  }

  /** Gives back what may no longer start: a task that started just before may have closed its label or filled the room. */
  #deliver(item: Held): readonly Held[] {
    const { envelope } = item
    const { closed } = this.#host
    if (this.#stopping || this.#host.room() < 1 || closed.has(envelope.record.label)) return [item]
    this.#held.set(envelope.record.id, item)
    this.#host.run(envelope, this.#ended)
    return []
  }

  readonly #ended: Ended = (envelope, ending) => {
    const mine = this.#held.get(envelope.record.id)
    if (!mine || mine.acknowledged) return
    mine.acknowledged = this.#acknowledge(mine, envelope, ending)
    this.wake()
  }

  /** Repeated while the claim is held; the task is not run again for it. */
  async #acknowledge(mine: Held, envelope: Envelope, ending: Ending): Promise<void> {
    const { id } = envelope.record
    for (let pauseMs = FIRST_PAUSE_MS; this.#held.get(id) === mine; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#storeEnd({ envelope, claim: mine.claim }, ending)
        // What was put back may be here again by now, under a new claim.
        if (this.#held.get(id) === mine) this.#held.delete(id)
        if (this.#held.size === 0) this.#noneHeld()
      } catch (thrown) {
        this.#host.report({ type: 'ack_failed', error: toError(thrown), envelope })
        await sleep(pauseMs, undefined, { signal: this.#deadline.signal }).catch(() => {})
      }
    }
  }

  async #storeEnd(item: Held, ending: Ending): Promise<void> {
    if (ending.outcome === 'interrupted') return this.#putBack([item])
    if (ending.outcome === 'retried' || ending.outcome === 'returned')
      return this.#putBack([item], Date.now() + ending.afterMs)
    const settled = await this.#complete(item.claim)
    if (!settled.includes(item.claim.id)) this.#lost(item.envelope)
  }

  /** Completions that come while a statement is under way share the next one. */
  #complete(claim: JobAttempt): Promise<readonly string[]> {
    const { boss, queue } = this.#store
    if (!this.#flush) {
      const claims: JobAttempt[] = []
      const done = this.#flushed.then(async () => {
        this.#flush = undefined
        return settledOf(await boss.complete(queue, claims, { outcome: 'ended' }))
      })
      this.#flush = { claims, done }
      this.#flushed = done.catch(() => {})
    }
    this.#flush.claims.push(claim)
    return this.#flush.done
  }

  /** Gone and stored anew, or neither. Not `fail`: after it the next claim looks like one after a crash. */
  async #putBack(items: readonly Held[], startAt?: number): Promise<void> {
    if (items.length === 0) return
    const { boss, queue, pglite } = this.#store
    await pglite.transaction(async (tx) => {
      const db = dbOf(tx)
      const claims = items.map(({ claim }) => claim)
      const gone = settledOf(await boss.deleteJob(queue, claims, { db }))
      for (const { claim, envelope } of items) if (!gone.includes(claim.id)) this.#lost(envelope)
      const mine = items.filter(({ claim }) => gone.includes(claim.id))
      const stored = await this.#insert(
        mine.map(({ envelope }) => jobOf(envelope, startAt)),
        db,
      )
      if (stored.size !== mine.length) throw new Error('what was put back was not stored')
    })
  }

  /** Keeps the claims alive, and learns which are lost. */
  async #beat(): Promise<void> {
    const { boss, queue } = this.#store
    const all = [...this.#held.values()]
    if (all.length === 0) return
    try {
      const claims = all.map(({ claim }) => claim)
      const touched = settledOf(await boss.touch(queue, claims))
      for (const { envelope, claim, acknowledged } of all)
        if (!touched.includes(claim.id) && !acknowledged && this.#held.delete(envelope.record.id)) this.#lost(envelope)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #untilNoneIsHeld(): Promise<void> {
    return new Promise((resolve) => {
      this.#noneHeld = resolve
      this.#deadline.signal.addEventListener('abort', () => resolve(), { once: true })
      if (this.#held.size === 0) resolve()
    })
  }
}

/** `startAt` is core's delay; the envelope's own time stays as it was. */
function jobOf(envelope: Envelope, startAt = envelope.startAt): JobInsert {
  const { v, record, input, attempt, addedAt, expiresAt, priority } = envelope
  return {
    id: record.id,
    data: { v, record, input, attempt, addedAt, startAt: envelope.startAt, expiresAt, priority },
    priority: RANK[priority ?? 'normal'],
    group: { id: record.label },
    ...(startAt !== undefined && { startAfter: new Date(startAt) }),
  }
}

/** PostgreSQL writes the 32 digits of an id with hyphens. */
const plainId = (uuid: string): string => uuid.replaceAll('-', '')

/** Commands name the jobs they changed, which the types of pg-boss leave out. */
const settledOf = (response: CommandResponse): readonly string[] =>
  (response as { readonly settled: readonly string[] }).settled

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

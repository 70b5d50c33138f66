import { Alarm, runNeutral, type Clock } from '../core/clock.ts'
import type {
  DeathNote,
  Ended,
  Ending,
  Engine,
  EngineAdmin,
  EngineHost,
  EngineStats,
  EnqueueOptions,
  Envelope,
  Receipt,
} from '../core/engine.ts'
import { EngineError, toError } from '../core/errors.ts'
import { MemoryStore, type Claimant, type StoreOperation } from './memory-engine/store.ts'

export { MemoryStore, type StoreOperation }

/** A transaction of the caller's: what was added with it is stored by `commit()`, all at once, or forgotten by `rollback()`. */
export class MemoryTransaction {
  readonly #store: MemoryStore
  #added: Envelope[] = []

  constructor(store: MemoryStore) {
    this.#store = store
  }

  add(envelopes: readonly Envelope[]): void {
    this.#added.push(...envelopes)
  }

  commit(): void {
    this.#store.insert(this.#added)
    this.#added = []
  }

  rollback(): void {
    this.#added = []
  }
}

export interface MemoryEngineOptions {
  /** What it keeps tasks in, which other engines may use as well. @default one of its own */
  readonly store?: MemoryStore
  /** The name of its queue on spans. @default 'afterglow' */
  readonly queue?: string
}

/**
 * A durable engine without a database, for tests: tasks go through JSON, are handed over and fetched, and outlive the engine
 * in its store. `crash()` ends it as `kill -9` would.
 */
export class MemoryEngine implements Engine, Claimant {
  readonly name = 'memory'
  readonly capabilities = { durable: true, delay: true, priority: true, transaction: true, lateByMs: 0 } as const
  readonly clock: Clock
  readonly queue: string
  readonly store: MemoryStore
  readonly #held = new Map<string, Held>()
  readonly #alarm: Alarm
  #host: EngineHost | undefined
  #pumping = false
  #again = false
  #stopping = false
  #gone = false
  #noneHeld = (): void => {}

  constructor({ store = new MemoryStore(), queue = 'afterglow' }: MemoryEngineOptions = {}) {
    this.store = store
    this.queue = queue
    this.clock = store.clock
    this.#alarm = new Alarm(this.clock, () => (this.wake(), Infinity))
  }

  async start(host: EngineHost): Promise<void> {
    await this.store.does('open', () => this.store.join(this))
    this.#host = host
    this.#alarm.hold(host.consume)
    this.wake()
  }

  async enqueue(batch: readonly Envelope[], { transaction }: EnqueueOptions = {}): Promise<readonly Receipt[]> {
    const envelopes = [...batch]
    const known = await this.store.does('enqueue', () => {
      if (!(transaction instanceof MemoryTransaction)) return this.store.insert(envelopes)
      transaction.add(envelopes)
      return []
    })
    return known.map((id) => ({ id, result: 'duplicate' }))
  }

  cancel(id: string): Promise<'waiting' | 'running' | 'unknown'> {
    return this.store.does('cancel', () => this.store.cancel(id))
  }

  wake(): void {
    this.#again = true
    if (this.#pumping || !this.#host?.consume) return
    this.#pumping = true
    // In nobody's async context: whoever wakes it has nothing to do with what it fetches. `#pump` never rejects.
    runNeutral(() => void this.#pump())
  }

  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<readonly Envelope[]> {
    this.#stopping = true
    this.#alarm.hold(false)
    await this.#untilNoneIsHeld(deadlineMs)
    const left = [...this.#held.values()].filter(({ acknowledging }) => !acknowledging)
    this.#held.clear()
    for (const { envelope } of left) this.store.release(this, envelope, { startAt: envelope.startAt ?? 0 })
    // Whose end could not be stored by now will run again.
    this.store.crash(this)
    return left.map(({ envelope }) => envelope)
  }

  stats(): Promise<EngineStats> {
    return this.store.does('stats', () => ({ scope: 'store', ...this.store.count() }))
  }

  readonly admin: EngineAdmin = {
    list: ({ limit, name }) =>
      this.store.does('admin', () =>
        this.store
          .dead()
          .filter((dead) => name === undefined || dead.name === name)
          .slice(0, limit),
      ),
    retry: (id) => this.store.does('admin', () => this.store.revive(id)),
    discard: (id) => this.store.does('admin', () => this.store.forget(id)),
  }

  /** As if the process were killed: nothing is given back, and whatever still runs changes nothing any more. */
  crash(): void {
    this.#gone = true
    this.#alarm.hold(false)
    this.#held.clear()
    this.store.crash(this)
  }

  /** A claim is gone: it was cancelled, or somebody else has it. */
  lost(id: string): void {
    const held = this.#held.get(id)
    if (held && this.#held.delete(id)) this.#host?.report({ type: 'claim_lost', envelope: held.envelope })
    if (this.#held.size === 0) this.#noneHeld()
  }

  async #pump(): Promise<void> {
    const host = this.#host as EngineHost
    let looked = this.store.now
    while (this.#again && !this.#stopping && !this.#gone) {
      this.#again = false
      const room = host.room()
      looked = this.store.now
      if (room <= 0) break
      const fetched = host.fetching?.()
      try {
        const claimed = await this.store.does('fetch', () => this.store.claim(this, room, host.closed))
        for (const [envelope, lostClaims] of claimed) this.#deliver(host, envelope, lostClaims)
      } catch (thrown) {
        host.report({ type: 'engine_error', error: toError(thrown) })
        this.#alarm.at(this.clock.now() + PAUSE_MS)
      } finally {
        fetched?.()
      }
    }
    this.#pumping = false
    // What became due since then was not claimed, and must not be forgotten.
    const nextDue = this.store.nextDue(looked)
    if (nextDue < Infinity) this.#alarm.at(nextDue - this.clock.origin)
  }

  /** A task that started just before may have closed the label of this one, or filled the room. */
  #deliver(host: EngineHost, envelope: Envelope, lostClaims: number): void {
    const { id, label } = envelope.record
    if (this.#gone) return
    if (this.#stopping || host.room() <= 0 || host.closed.has(label))
      return void this.store.release(this, envelope, { startAt: envelope.startAt ?? 0 })
    this.#held.set(id, { envelope, acknowledging: false })
    host.run(envelope, this.#ended, lostClaims)
  }

  readonly #ended: Ended = (envelope, ending, dead) => {
    const held = this.#held.get(envelope.record.id)
    if (!held || held.acknowledging) return
    held.acknowledging = true
    void this.#acknowledge(envelope, ending, dead)
  }

  /** Again and again, while it has the claim: the task has run, and does not for this. */
  async #acknowledge(envelope: Envelope, ending: Ending, dead: DeathNote | undefined): Promise<void> {
    const { id } = envelope.record
    for (let done = false; !done && this.#held.has(id);)
      try {
        done = await this.store.does('acknowledge', () => this.#release(envelope, ending, dead))
      } catch (thrown) {
        this.#host?.report({ type: 'ack_failed', error: toError(thrown), envelope })
        await new Promise<void>((resolve) => this.clock.setTimer(resolve, PAUSE_MS))
      }
    this.#held.delete(id)
    if (this.#held.size === 0) this.#noneHeld()
    this.wake()
  }

  /** True also for a claim that was lost: then it is somebody else's. */
  #release(envelope: Envelope, ending: Ending, note: DeathNote | undefined): true {
    const { outcome } = ending
    const startAt = outcome === 'interrupted' ? 0 : 'afterMs' in ending ? this.store.now + ending.afterMs : undefined
    this.store.release(this, envelope, { ...(startAt !== undefined && { startAt }), ...(note && { note }) })
    return true
  }

  #untilNoneIsHeld(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#held.size === 0) return resolve()
      const timer = this.clock.setTimer(resolve, deadlineMs)
      this.#noneHeld = () => {
        timer.close()
        resolve()
      }
    })
  }
}

interface Held {
  readonly envelope: Envelope
  acknowledging: boolean
}

const PAUSE_MS = 20

/** @throws EngineError for options that are none */
export function memoryEngine(options: MemoryEngineOptions = {}): MemoryEngine {
  if (options.store !== undefined && !(options.store instanceof MemoryStore))
    throw new EngineError('memoryEngine({ store }) takes a MemoryStore')
  return new MemoryEngine(options)
}

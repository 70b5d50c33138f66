import { systemClock, type Clock } from '../../core/clock.ts'
import type { DeadTask, DeathNote, Envelope } from '../../core/engine.ts'
import type { MaybePromise } from '../../core/task.ts'

/** What an engine does to its store; the hooks of a `MemoryStore` are told which. */
export type StoreOperation = 'open' | 'enqueue' | 'fetch' | 'acknowledge' | 'cancel' | 'stats' | 'admin'

/** Who has claimed a row, and is told when it no longer has. */
export interface Claimant {
  lost(id: string): void
  wake(): void
}

interface Row {
  readonly order: number
  /** JSON, as it would lie on a disk. */
  readonly text: string
  readonly dueAt: number
  readonly lostClaims: number
  claimant?: Claimant | undefined
  note?: DeathNote
}

const RANK = { high: 0, normal: 1, low: 2 }
/** Four high start for two normal for one low. */
const TURNS = [RANK.high, RANK.high, RANK.normal, RANK.high, RANK.low, RANK.high, RANK.normal]

/**
 * The store of `memoryEngine()`: engines on the same one share its tasks, at once or one after the other, as processes
 * share a database. It outlives its engines and is gone with the process. Everything in it went through JSON.
 */
export class MemoryStore {
  readonly clock: Clock
  /** Runs before each operation. What it throws is what a store throws that is away; a promise makes it slow. */
  before: (operation: StoreOperation) => MaybePromise<void> = () => undefined
  /** Runs after each operation was done: what it throws is an answer that was lost on its way. */
  after: (operation: StoreOperation) => MaybePromise<void> = () => undefined
  readonly #rows = new Map<string, Row>()
  readonly #ended = new Set<string>()
  readonly #engines = new Set<Claimant>()
  #order = 0
  #turn = 0

  constructor({ clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.clock = clock
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.clock.origin + this.clock.now()
  }

  async does<R>(operation: StoreOperation, work: () => R): Promise<R> {
    await this.before(operation)
    const result = work()
    await this.after(operation)
    return result
  }

  join(engine: Claimant): void {
    this.#engines.add(engine)
  }

  /** An engine is gone: what it ran is free again, and its claims on that count as lost. */
  crash(engine: Claimant): void {
    this.#engines.delete(engine)
    for (const [id, row] of this.#rows)
      if (row.claimant === engine)
        this.#rows.set(id, { ...row, claimant: undefined, lostClaims: row.lostClaims + 1, dueAt: 0 })
    this.#wakeAll()
  }

  /** The ids it has already, or had. */
  insert(envelopes: readonly Envelope[]): readonly string[] {
    const known: string[] = []
    for (const envelope of envelopes) {
      const { id } = envelope.record
      if (this.#rows.has(id) || this.#ended.has(id)) known.push(id)
      else this.#put(envelope, envelope.startAt ?? 0)
    }
    this.#wakeAll()
    return known
  }

  claim(engine: Claimant, most: number, closed: ReadonlySet<string>): readonly (readonly [Envelope, number])[] {
    const waiting = [...this.#rows.values()]
      .filter((row) => !row.claimant && !row.note && row.dueAt <= this.now)
      .map((row) => ({ row, envelope: JSON.parse(row.text) as Envelope }))
      .filter(({ envelope }) => !closed.has(envelope.record.label))
      .toSorted((a, b) => rankOf(a.envelope) - rankOf(b.envelope) || a.row.order - b.row.order)
    const free = Array.from({ length: Math.min(most, waiting.length) }, () => {
      const turn = TURNS[this.#turn++ % TURNS.length]
      const own = waiting.findIndex(({ envelope }) => rankOf(envelope) === turn)
      return waiting.splice(Math.max(0, own), 1)
    }).flat()
    for (const { row } of free) row.claimant = engine
    return free.map(({ row, envelope }) => [envelope, row.lostClaims] as const)
  }

  /** Ends the claim. False if it was lost. With `startAt` the envelope waits again; with `note` it is kept as dead. */
  release(
    engine: Claimant,
    envelope: Envelope,
    then: { readonly startAt?: number; readonly note?: DeathNote },
  ): boolean {
    const { id } = envelope.record
    const row = this.#rows.get(id)
    if (row?.claimant !== engine) return false
    if (then.startAt !== undefined) this.#put(envelope, then.startAt)
    else if (then.note) this.#rows.set(id, { ...row, order: this.#order++, claimant: undefined, note: then.note })
    else {
      this.#rows.delete(id)
      this.#ended.add(id)
    }
    this.#wakeAll()
    return true
  }

  cancel(id: string): 'waiting' | 'running' | 'unknown' {
    const row = this.#rows.get(id)
    if (!row || row.note) return 'unknown'
    this.#rows.delete(id)
    this.#ended.add(id)
    row.claimant?.lost(id)
    return row.claimant ? 'running' : 'waiting'
  }

  /** When the next one is due that was not yet at `looked`; `Infinity` for none. */
  nextDue(looked: number): number {
    return Math.min(Infinity, ...this.#waiting.flatMap(({ dueAt }) => (dueAt > looked ? dueAt : [])))
  }

  count(): { ready: number; delayed: number; running: number; oldestReadyMs: number } {
    const waiting = this.#waiting
    const ready = waiting.filter(({ dueAt }) => dueAt <= this.now)
    const since = ready.map(({ text, dueAt }) => Math.max(dueAt, (JSON.parse(text) as Envelope).addedAt))
    return {
      ready: ready.length,
      delayed: waiting.length - ready.length,
      running: [...this.#rows.values()].filter(({ claimant }) => claimant).length,
      oldestReadyMs: Math.max(0, this.now - Math.min(this.now, ...since)),
    }
  }

  dead(): readonly DeadTask[] {
    const newest = [...this.#rows.values()].toSorted((a, b) => b.order - a.order)
    const dead = newest.flatMap(({ text, note }) => {
      if (!note) return []
      const { record, addedAt } = JSON.parse(text) as Envelope
      return [{ id: record.id, name: record.name, addedAt, note, request: record.request }]
    })
    return dead.toSorted((a, b) => b.note.at - a.note.at)
  }

  revive(id: string): boolean {
    const row = this.#rows.get(id)
    if (!row?.note) return false
    const { expiresAt: _, startAt: __, ...envelope } = JSON.parse(row.text) as Envelope
    this.#put({ ...envelope, attempt: 1 }, 0)
    this.#wakeAll()
    return true
  }

  forget(id: string): boolean {
    if (!this.#rows.get(id)?.note) return false
    this.#ended.add(id)
    return this.#rows.delete(id)
  }

  get #waiting(): readonly Row[] {
    return [...this.#rows.values()].filter(({ claimant, note }) => !claimant && !note)
  }

  #put(envelope: Envelope, dueAt: number): void {
    const { v, record, input, attempt, addedAt, startAt, expiresAt, priority } = envelope
    const text = JSON.stringify({ v, record, input, attempt, addedAt, startAt, expiresAt, priority })
    this.#rows.set(record.id, { order: this.#order++, text, dueAt, lostClaims: 0 })
  }

  #wakeAll(): void {
    for (const engine of this.#engines) engine.wake()
  }
}

const rankOf = ({ priority }: Envelope): number => RANK[priority ?? 'normal']

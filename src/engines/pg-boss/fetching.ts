import type { Ended, EngineHost } from '../../core/engine.ts'
import { EngineError } from '../../core/errors.ts'
import type { Claims } from './claims.ts'
import type { Claimed } from './job.ts'
import type { Store } from './store.ts'
import { FetchTurns } from './turns.ts'

export interface FetchingParts {
  readonly store: Store
  readonly claims: Claims
  readonly host: EngineHost
  readonly ended: Ended
  failed(thrown: unknown): void
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** How long what this version cannot read waits for one that can. */
const UNREADABLE_MS = 60_000

/** Takes tasks out of the store as long as there is room, and starts them. One fetch at a time. */
export class Fetching {
  readonly #parts: FetchingParts
  readonly #turns = new FetchTurns()
  readonly #poll: NodeJS.Timeout | undefined
  #stopped = false
  #again = false
  #pumping: Promise<void> | undefined
  #pauseMs = 0
  #pausedUntil = 0

  constructor(parts: FetchingParts) {
    this.#parts = parts
    // A process that only adds has nothing to look for.
    if (parts.host.consume) this.#poll = setInterval(() => this.wake(), parts.store.settings.pollMs)
    this.wake()
  }

  wake(): void {
    if (this.#stopped || !this.#parts.host.consume || performance.now() < this.#pausedUntil) return
    this.#again = true
    this.#pumping ??= this.#pump()
      .then(() => (this.#pauseMs = 0))
      .catch((thrown: unknown) => this.#pause(thrown))
      .then(() => {
        this.#pumping = undefined
        if (this.#again) this.wake()
      })
  }

  /** Starts nothing more. Resolves once no fetch is under way: what it brings is given back. */
  stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#poll)
    return this.#pumping ?? Promise.resolve()
  }

  #pause(thrown: unknown): void {
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS)
    this.#pausedUntil = performance.now() + this.#pauseMs
    this.#again = false
    this.#parts.failed(thrown)
  }

  async #pump(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      const asked = this.#turns.size(this.#parts.host.room())
      if (asked < 1) return
      let got = 0
      let started = 0
      for (const range of this.#turns.ranges()) {
        if (got >= asked) break
        const brought = await this.#fetch({ ...range, batchSize: asked - got })
        got += brought.got
        started += brought.started
      }
      this.#turns.fetched(asked, got, started)
      if (got === asked) this.#again = true
    }
  }

  async #fetch(range: { readonly batchSize: number }): Promise<{ got: number; started: number }> {
    const { store, host } = this.#parts
    const { tasks, unreadable } = await store.fetch({ ...range, ignoreGroups: [...host.closed] })
    const back = tasks.filter((task) => !this.#starts(task))
    if (back.length > 0) await store.putBack(back)
    if (unreadable.length > 0) {
      const [{ id } = { id: '' }] = unreadable
      const what = `${unreadable.length} tasks of the store, ${id} among them, are of a version that this one cannot read`
      this.#parts.failed(new EngineError(`${what}; they stay there for a worker that can`))
      await store.setAside(unreadable, UNREADABLE_MS)
    }
    return { got: tasks.length + unreadable.length, started: tasks.length - back.length }
  }

  /** A task that started just before may have closed the label of this one, or filled the room. */
  #starts(task: Claimed): boolean {
    const { claims, host, ended } = this.#parts
    const { envelope, claim } = task
    if (claims.adopts(task)) return true
    if (this.#stopped || host.room() < 1 || host.closed.has(envelope.record.label)) return false
    claims.hold(task)
    host.run(envelope, ended, claim.retryCount)
    return true
  }
}

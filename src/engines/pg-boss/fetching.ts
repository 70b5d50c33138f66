import { runNeutral } from '../../core/clock.ts'
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
  /** Set while the store is left alone, since it failed. */
  #pause: NodeJS.Timeout | undefined

  constructor(parts: FetchingParts) {
    this.#parts = parts
    // A process that only adds has nothing to look for.
    if (parts.host.consume) this.#poll = runNeutral(() => setInterval(() => this.wake(), parts.store.settings.pollMs))
    this.wake()
  }

  wake(): void {
    if (this.#stopped || !this.#parts.host.consume || this.#pause) return
    this.#again = true
    // Not in the context of the request or task that woke it.
    this.#pumping ??= runNeutral(() =>
      this.#pump()
        .then(() => (this.#pauseMs = 0))
        .catch((thrown: unknown) => this.#failed(thrown))
        .then(() => {
          this.#pumping = undefined
          if (this.#again) this.wake()
        }),
    )
  }

  /** Starts nothing more. Resolves once no fetch is under way: what it brings is given back. */
  stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#poll)
    clearTimeout(this.#pause)
    return this.#pumping ?? Promise.resolve()
  }

  #failed(thrown: unknown): void {
    this.#again = false
    this.#parts.failed(thrown)
    if (this.#stopped) return
    this.#pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2), LONGEST_PAUSE_MS)
    this.#pause = runNeutral(() => setTimeout(() => this.#resume(), this.#pauseMs))
  }

  /** Looks again: nobody repeats the wakes that came meanwhile. */
  #resume(): void {
    this.#pause = undefined
    this.wake()
  }

  async #pump(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      const asked = this.#turns.size(this.#parts.host.room())
      if (asked < 1) return
      const fetched = this.#parts.host.fetching?.()
      try {
        if ((await this.#fetchMost(asked)) === asked) this.#again = true
      } finally {
        fetched?.()
      }
    }
  }

  /** How many there were. */
  async #fetchMost(asked: number): Promise<number> {
    let got = 0
    let started = 0
    for (const range of this.#turns.ranges()) {
      if (got >= asked) break
      const brought = await this.#fetch({ ...range, batchSize: asked - got })
      got += brought.got
      started += brought.started
    }
    this.#turns.fetched(asked, got, started)
    return got
  }

  async #fetch(range: { readonly batchSize: number }): Promise<{ got: number; started: number }> {
    const { store, host } = this.#parts
    const { tasks, unreadable } = await store.fetch({ ...range, ignoreGroups: [...host.closed] })
    const back = tasks.filter((task) => !this.#starts(task))
    if (back.length > 0) await this.#putBack(back)
    if (unreadable.length > 0) {
      const [{ id } = { id: '' }] = unreadable
      const what = `${unreadable.length} tasks of the store, ${id} among them, are of a version that this one cannot read`
      this.#parts.failed(new EngineError(`${what}; they stay there for a worker that can`))
      await store.setAside(unreadable, UNREADABLE_MS)
    }
    return { got: tasks.length + unreadable.length, started: tasks.length - back.length }
  }

  async #putBack(tasks: readonly Claimed[]): Promise<void> {
    const { store, claims } = this.#parts
    try {
      await store.putBack(tasks)
    } catch (thrown) {
      for (const task of tasks) claims.giveBackAgain(task)
      throw thrown
    }
  }

  /** A task that started just before may have closed the label of this one, or filled the room; that goes back to where it was. */
  #starts(task: Claimed): boolean {
    const { claims, host, ended } = this.#parts
    const { envelope, claim } = task
    if (claims.adopts(task)) return true
    // Also of what goes back for another reason: the run is known to be one by this.
    const isOrphan = claims.isOrphan(task)
    if (this.#stopped || host.room() < 1 || host.closed.has(envelope.record.label)) return false
    if (isOrphan) {
      claims.giveBackOrphan(task)
      return true
    }
    claims.hold(task)
    host.run(envelope, ended, claim.retryCount)
    return true
  }
}

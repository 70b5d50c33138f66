import type { Submission } from '../submission.ts'

/** Stores a batch, and says why it was not if it was not; never rejects. */
export type Store = (batch: readonly Submission[]) => Promise<Error | undefined>

/**
 * What one request added to durable engines and has not stored yet. It waits for the chain below `tasks.middleware()`, so that
 * one batch takes all of it and a failure can still be answered.
 */
export class Unstored {
  readonly #store: Store
  #waiting: Submission[] = []
  readonly #underWay = new Set<Promise<Error | undefined>>()
  #error: Error | undefined
  #flushed = false

  constructor(store: Store) {
    this.#store = store
  }

  /** False for one that need not wait: somebody asked already what became of those before it. */
  holds(submission: Submission): boolean {
    if (this.#flushed && submission.settings.runOn === 'settled') return false
    this.#waiting.push(submission)
    return true
  }

  /** Waits for this, too, before the request is over. */
  alsoStores(storing: Promise<Error | undefined>): void {
    this.#underWay.add(storing)
    void storing.then((error) => {
      this.#error ??= error
      this.#underWay.delete(storing)
    })
  }

  /** Stores now what need not know how the request ends. */
  flush(): void {
    this.#flushed = true
    const ready = this.#waiting.filter(({ settings }) => settings.runOn === 'settled')
    this.#waiting = this.#waiting.filter(({ settings }) => settings.runOn !== 'settled')
    if (ready.length > 0) this.alsoStores(this.#store(ready))
  }

  /** Stores all that is left. The first reason why something of the request is not stored. */
  async end(): Promise<Error | undefined> {
    const rest = this.#waiting
    this.#waiting = []
    if (rest.length > 0) this.alsoStores(this.#store(rest))
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    return this.#error
  }
}

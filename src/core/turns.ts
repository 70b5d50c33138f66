import type { Engine } from './engine.ts'

/**
 * Shares the slots of a runner between its engines. Whoever frees a slot asks for it first, so without this one busy engine
 * would keep the others from ever starting anything. An engine that found no room is next; it then gets one slot at a time.
 */
export class Turns {
  readonly #free: () => number
  readonly #later: (wake: () => void) => void
  /** Those that asked in vain, in that order. */
  readonly #waiting = new Set<Engine>()
  /** Those that had asked in vain and were given room, until they ask again. */
  readonly #next = new Set<Engine>()
  /** Those for which one slot is kept: what they fetch in their turn is still on its way. */
  readonly #fetching = new Set<Engine>()
  #scheduled = false

  constructor(free: () => number, later: (wake: () => void) => void) {
    this.#free = free
    this.#later = later
  }

  /** How many tasks this engine may start now. */
  room(engine: Engine): number {
    if (this.#fetching.has(engine)) return Math.max(0, this.#free())
    const free = this.#free() - this.#fetching.size
    const [first] = this.#waiting
    this.#next.delete(engine)
    if (free > 0 && (first === undefined || first === engine)) {
      if (this.#waiting.delete(engine)) this.#next.add(engine)
      return free
    }
    this.#waiting.add(engine)
    // It may want nothing any more; then the slot must not wait for it.
    if (free > 0) this.#wakeWaiting()
    return 0
  }

  /** Said right behind `room`, by an engine whose tasks take a while to come: those that start at once would be first, always. */
  fetching(engine: Engine): () => void {
    if (!this.#next.delete(engine)) return NOTHING_KEPT
    this.#fetching.add(engine)
    return () => {
      if (this.#fetching.delete(engine) && this.#waiting.size > 0) this.#wakeWaiting()
    }
  }

  #wakeWaiting(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#later(() => {
      this.#scheduled = false
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const engine of waiting) engine.wake()
    })
  }
}

const NOTHING_KEPT = (): void => {}

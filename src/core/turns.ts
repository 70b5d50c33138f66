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
  #scheduled = false

  constructor(free: () => number, later: (wake: () => void) => void) {
    this.#free = free
    this.#later = later
  }

  /** How many tasks this engine may start now. */
  room(engine: Engine): number {
    const free = this.#free()
    const [first] = this.#waiting
    if (free > 0 && (first === undefined || first === engine)) {
      this.#waiting.delete(engine)
      return free
    }
    this.#waiting.add(engine)
    // It may want nothing any more; then the slot must not wait for it.
    if (free > 0) this.#wakeWaiting()
    return 0
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

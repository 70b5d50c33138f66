import type { Envelope } from '../../core/engine.ts'

/** Tasks that wait for their time, the next first: a delay, or the pause before another attempt. */
export class LaterQueue {
  // Two arrays and not one of pairs: there may be ten thousand of these, waiting for hours.
  readonly #envelopes: Envelope[] = []
  readonly #dues: number[] = []

  get size(): number {
    return this.#envelopes.length
  }

  /** `Infinity` when none waits. */
  get nextDue(): number {
    return this.#dues[0] ?? Infinity
  }

  add(envelope: Envelope, due: number): void {
    let low = 0
    let high = this.#dues.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#dues[middle] ?? Infinity) <= due) low = middle + 1
      else high = middle
    }
    this.#dues.splice(low, 0, due)
    this.#envelopes.splice(low, 0, envelope)
  }

  shift(): Envelope | undefined {
    this.#dues.shift()
    return this.#envelopes.shift()
  }

  remove(id: string): boolean {
    const index = this.#envelopes.findIndex(({ record }) => record.id === id)
    if (index < 0) return false
    this.#dues.splice(index, 1)
    this.#envelopes.splice(index, 1)
    return true
  }

  clear(): readonly Envelope[] {
    this.#dues.length = 0
    return this.#envelopes.splice(0)
  }
}

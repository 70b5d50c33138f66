const MAX_GROWTH = 0.05
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The heap after a collection, at points of the run. The first is the end of the warm-up, which the others are held to. */
export class HeapWatch {
  readonly #settle: () => Promise<void>
  readonly #bytes: number[] = []

  /** `settle` ends whatever is under way, so that only what is retained is counted. */
  constructor(settle: () => Promise<void>) {
    this.#settle = settle
  }

  async measure(): Promise<number> {
    await this.#settle()
    if (!globalThis.gc) throw new Error('run with --expose-gc')
    let bytes = Infinity
    // What a collection finalizes is freed by the next.
    for (let n = 0; n < 6; n++) {
      await turn()
      globalThis.gc()
      bytes = Math.min(bytes, process.memoryUsage().heapUsed)
    }
    this.#bytes.push(bytes)
    return bytes
  }

  /** The largest rise from any point to a later one, as a part of the lower: code that is thrown away must not hide it. */
  get growth(): number {
    let lowest = Infinity
    let most = 0
    for (const bytes of this.#bytes) {
      most = Math.max(most, (bytes - lowest) / lowest || 0)
      lowest = Math.min(lowest, bytes)
    }
    return most
  }

  faults(): readonly string[] {
    return this.growth <= MAX_GROWTH ? [] : [`the heap grew by ${(this.growth * 100).toFixed(2)} % after the warm-up`]
  }
}

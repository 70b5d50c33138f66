import type { Clock } from '../core/clock.ts'
import { refuseDrain, type DrainOptions, type DrainReport } from './drain.ts'

/** What the drain needs to know of its runner's time. */
interface Pace {
  readonly clock: Clock
  readonly limits: { readonly graceMs: number }
}

/** One drain, however often and by whom it is asked for. A later call can only make it end sooner. */
export class Closing {
  readonly #pace: Pace
  readonly #drain: (options: DrainOptions) => Promise<DrainReport>
  readonly #hurry = new AbortController()
  #closed: Promise<DrainReport> | undefined

  constructor(pace: Pace, drain: (options: DrainOptions) => Promise<DrainReport>) {
    this.#pace = pace
    this.#drain = drain
  }

  close(options: DrainOptions = {}): Promise<DrainReport> {
    const refused = refuseDrain(options)
    if (refused) return Promise.reject(refused)
    const later = this.#closed !== undefined
    this.#closed ??= this.#drain({ ...options, signal: this.#hurry.signal })
    this.#hurryBy(options.signal, later ? options.deadlineMs : undefined)
    return this.#closed
  }

  #hurryBy(signal: AbortSignal | undefined, deadlineMs: number | undefined): void {
    const { clock, limits } = this.#pace
    const hurry = (): void => this.#hurry.abort()
    if (signal?.aborted) return hurry()
    signal?.addEventListener('abort', hurry)
    const waitMs = deadlineMs === undefined ? Infinity : deadlineMs - Math.min(limits.graceMs, deadlineMs / 2)
    const timer = waitMs < Infinity ? clock.setTimer(hurry, waitMs) : undefined
    const over = (): void => {
      signal?.removeEventListener('abort', hurry)
      timer?.close()
    }
    void this.#closed?.then(over, over)
  }
}

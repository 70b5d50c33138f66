import type { Clock, Timer } from '../clock.ts'
import type { Engine, EngineHost } from '../engine.ts'
import { EngineError } from '../errors.ts'
import { messageOf } from '../text.ts'

export interface OpeningHost {
  readonly clock: Clock
  failed(error: Error): void
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000

/** Opens the store of an engine, and tries again if that fails: a process that starts before its database recovers alone. */
export class Opening {
  readonly #engine: Engine
  readonly #host: OpeningHost
  readonly #given: EngineHost
  #opened: Promise<void> | undefined
  #timer: Timer | undefined
  #pauseMs = FIRST_PAUSE_MS
  #said: string | undefined
  #closed = false

  constructor(engine: Engine, given: EngineHost, host: OpeningHost) {
    this.#engine = engine
    this.#given = given
    this.#host = host
  }

  /** Rejects if the last try failed; another one follows by itself. */
  open(): Promise<void> {
    this.#opened ??= this.#try()
    return this.#opened
  }

  /** No further try. */
  close(): void {
    this.#closed = true
    this.#timer?.close()
  }

  async #try(): Promise<void> {
    try {
      await this.#engine.start(this.#given)
    } catch (thrown) {
      const { clock } = this.#host
      const again = () => {
        this.#opened = undefined
        // What it rejects with was reported where it failed.
        this.open().catch(() => undefined)
      }
      if (!this.#closed) this.#timer = clock.setTimer(again, this.#pauseMs)
      if (!this.#given.consume) this.#timer?.unref()
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
      throw this.#failed(thrown)
    }
  }

  /** Reported once, however often it is tried again, until there is something else to say. */
  #failed(cause: unknown): Error {
    const message = messageOf(cause)
    const { name } = this.#engine
    const error = new EngineError(`engine '${name}' failed to open its store; it goes on trying`, { cause })
    // One that was stopped while it opened has nothing to go on with.
    if (message !== this.#said && !this.#closed) this.#host.failed(error)
    this.#said = message
    return error
  }
}

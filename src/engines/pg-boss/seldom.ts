import { explained } from './errors.ts'

const EVERY_MS = 10_000
const MOST_REMEMBERED = 100

/** A store that is away fails each poll, heartbeat and look in the same words; they are said once in a while. */
export class SeldomReports {
  readonly #say: (error: Error) => void
  readonly #said = new Map<string, number>()

  constructor(say: (error: Error) => void) {
    this.#say = say
  }

  report(thrown: unknown): void {
    const error = explained(thrown)
    const now = performance.now()
    const last = this.#said.get(error.message)
    if (last !== undefined && now - last < EVERY_MS) return
    if (this.#said.size >= MOST_REMEMBERED) this.#said.clear()
    this.#said.set(error.message, now)
    this.#say(error)
  }
}

import { TestingError } from './errors.ts'
import { after, turn } from './real-time.ts'

/** Events tell of most changes; what they do not tell of is looked at so often. */
const LOOK_AGAIN_MS = 10

/** Waits in real time for something that changes by events, and not for ever. */
export class Waiting {
  readonly patienceMs: number
  #woken: (() => void)[] = []

  constructor(patienceMs: number) {
    this.patienceMs = patienceMs
  }

  readonly changed = (): void => {
    const woken = this.#woken
    this.#woken = []
    for (const wake of woken) wake()
  }

  /** Until `holds`, and still does once all that hung on it has happened. `why` says what keeps it from that. */
  async until(what: string, holds: () => boolean, why: () => readonly string[]): Promise<void> {
    let late = false
    const stop = after(this.patienceMs, () => {
      late = true
      this.changed()
    })
    try {
      for (;;) {
        await turn()
        if (holds()) return
        if (late)
          throw new TestingError(
            `${what}: not within ${this.patienceMs} ms\n${why()
              .map((one) => `  - ${one}`)
              .join('\n')}`,
          )
        await this.#change()
      }
    } finally {
      stop()
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const stop = after(LOOK_AGAIN_MS, resolve)
      this.#woken.push(() => {
        stop()
        resolve()
      })
    })
  }
}

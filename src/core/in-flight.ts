import { newStates, type State } from './ledger.ts'
import { LinkedSet } from './linked-set.ts'
import type { Submission } from './submission.ts'

export interface InFlightLook {
  readonly states: Readonly<Record<State, number>>
  /** By engine: for how long the oldest that is ready to run has been so. */
  readonly readyMs: ReadonlyMap<string, number>
  /** By label: for how long the oldest that runs has run. */
  readonly runningMs: ReadonlyMap<string, number>
}

/** One whose delay or backoff is over is queued, whether or not its engine has woken up yet. */
const stateAt = ({ state, readyAt = 0 }: Submission, now: number): State =>
  (state === 'delayed' || state === 'backoff') && readyAt <= now ? 'queued' : state

function raise(most: Map<string, number>, key: string, ms: number): void {
  if (ms >= (most.get(key) ?? 0)) most.set(key, ms)
}

/** Every submission that was accepted and has not ended. Counted by looking at it, never derived from other counts. */
export class InFlight {
  readonly #live = new LinkedSet<Submission>()
  /** On their way into a store: they are accepted once they are there. */
  readonly unstored = new LinkedSet<Submission>()
  #waiters: (() => void)[] = []

  get size(): number {
    return this.#live.size
  }

  add(submission: Submission): void {
    this.#live.add(submission)
  }

  delete(submission: Submission): void {
    this.#live.delete(submission)
  }

  /** With those that are not stored yet. */
  get total(): number {
    return this.#live.size + this.unstored.size
  }

  get #idle(): boolean {
    return this.total === 0
  }

  find(id: string): Submission | undefined {
    for (const submission of this.#live) if (submission.id === id) return submission
    return undefined
  }

  all(): readonly Submission[] {
    return [...this.#live]
  }

  states(now: number): Record<State, number> {
    const states = newStates()
    for (const submission of this.#live) states[stateAt(submission, now)]++
    return states
  }

  /** The same, with the ages of the oldest. One look at each, of which `limits.maxPending` bounds the number. */
  look(now: number): InFlightLook {
    const states = newStates()
    const readyMs = new Map<string, number>()
    const runningMs = new Map<string, number>()
    for (const submission of this.#live) {
      const state = stateAt(submission, now)
      states[state]++
      if (state === 'queued') raise(readyMs, submission.engine, now - (submission.readyAt ?? now))
      else if (submission.current) raise(runningMs, submission.label, now - submission.current.startedAt)
    }
    return { states, readyMs, runningMs }
  }

  /** Calls back once nothing is in flight, at once if that is so. */
  onIdle(idle: () => void): void {
    if (this.#idle) idle()
    else this.#waiters.push(idle)
  }

  /** To be called once all that follows from the last end has happened. */
  tellIdle(): void {
    if (!this.#idle) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}

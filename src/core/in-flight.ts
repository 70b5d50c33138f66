import { newStates, type State } from './ledger.ts'
import { LinkedSet } from './linked-set.ts'
import type { Submission } from './submission.ts'

/** Every submission that was accepted and has not ended. Counted by looking at it, never derived from other counts. */
export class InFlight {
  readonly #live = new LinkedSet<Submission>()
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

  find(id: string): Submission | undefined {
    for (const submission of this.#live) if (submission.id === id) return submission
    return undefined
  }

  all(): readonly Submission[] {
    return [...this.#live]
  }

  /** A delayed task whose time has come is queued, whether or not its engine has woken up yet. */
  states(now: number): Record<State, number> {
    const states = newStates()
    for (const { state, readyAt } of this.#live) states[state === 'delayed' && readyAt <= now ? 'queued' : state]++
    return states
  }

  /** Calls back once nothing is in flight, at once if that is so. */
  onIdle(idle: () => void): void {
    if (this.#live.size === 0) idle()
    else this.#waiters.push(idle)
  }

  /** To be called once all that follows from the last end has happened. */
  tellIdle(): void {
    if (this.#live.size > 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}

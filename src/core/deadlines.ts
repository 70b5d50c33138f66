import type { Attempt } from './attempt.ts'
import { Alarm, type Clock } from './clock.ts'
import { LinkedSet } from './linked-set.ts'

/** Also a task without a deadline keeps the process alive, by a timer that rings for nobody now and then. */
const FAR = Number.MAX_SAFE_INTEGER

/**
 * The deadlines of all running attempts on one timer. The timer keeps the process alive while something runs, so that a
 * handler which waits for nothing that Node counts still ends, as timed out, instead of vanishing with the process.
 */
export class Deadlines {
  readonly #running = new LinkedSet<Attempt>()
  readonly #alarm: Alarm

  constructor(clock: Clock) {
    this.#alarm = new Alarm(clock, (now) => this.#check(now))
  }

  get size(): number {
    return this.#running.size
  }

  get running(): readonly Attempt[] {
    return [...this.#running]
  }

  add(attempt: Attempt): void {
    this.#running.add(attempt)
    if (this.#running.size === 1) this.#alarm.hold(true)
    this.#alarm.at(Math.min(attempt.deadline, FAR))
  }

  changed(attempt: Attempt): void {
    this.#alarm.at(attempt.deadline)
  }

  delete(attempt: Attempt): void {
    this.#running.delete(attempt)
    if (this.#running.size === 0) this.#alarm.hold(false)
  }

  #check(now: number): number {
    for (const attempt of this.running) if (!attempt.outcome && attempt.deadline <= now) attempt.overdue()
    let next = this.#running.size > 0 ? FAR : Infinity
    for (const attempt of this.#running) next = Math.min(next, attempt.deadline)
    return next
  }
}

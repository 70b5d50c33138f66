import type { Clock, Timer } from './clock.ts'
import type { TaskRecord } from './task.ts'
import type { ActiveContext } from './tracing.ts'

export interface Blocked {
  /** The task that did it, if that is known: it was in its first synchronous segment. */
  readonly record?: TaskRecord
  readonly active?: ActiveContext | undefined
  /** Else those that were running: one of them did it, or none. */
  readonly candidates: readonly TaskRecord[]
  readonly blockedMs: number
}

/** An attempt. */
interface Started {
  readonly record: TaskRecord
  readonly startedAt: number
  readonly active: ActiveContext | undefined
}

/**
 * Notices that the event loop stood still while tasks ran. What a task does before its first `await` is measured and named
 * exactly; whatever blocks later is noticed by a timer that comes late, and only the tasks running then can be named.
 */
export class BlockingWatch {
  readonly #clock: Clock
  readonly #warnMs: number
  readonly #running: () => readonly TaskRecord[]
  readonly #report: (blocked: Blocked) => void
  #timer: Timer | undefined
  /** Until when the loop is known to have been blocked, and by whom. */
  #namedUntil = 0

  constructor(
    clock: Clock,
    warnMs: number,
    watch: { running(): readonly TaskRecord[]; report(blocked: Blocked): void },
  ) {
    this.#clock = clock
    this.#warnMs = warnMs
    this.#running = watch.running
    this.#report = watch.report
  }

  /** A task's first synchronous segment is over. */
  returned({ record, startedAt, active }: Started): void {
    const now = this.#clock.now()
    if (now - startedAt > this.#warnMs) {
      this.#namedUntil = now
      this.#report({ record, active, candidates: [record], blockedMs: now - startedAt })
    }
    if (!this.#timer && this.#warnMs < Infinity) this.#look(now)
  }

  #look(began: number): void {
    const timer = this.#clock.setTimer(() => {
      const now = this.#clock.now()
      const blockedMs = now - began - this.#warnMs
      const candidates = this.#running()
      if (blockedMs > this.#warnMs && this.#namedUntil <= began && candidates.length > 0)
        this.#report({ candidates, blockedMs })
      this.#timer = undefined
      if (candidates.length > 0) this.#look(now)
    }, this.#warnMs)
    timer.unref()
    this.#timer = timer
  }
}

import type { Clock } from './clock.ts'
import type { Observers } from './observers.ts'
import type { Thrown } from './outcome.ts'
import type { Submission } from './submission.ts'
import type { AttemptOutcome, Logger, Services, TaskHandle } from './task.ts'

/** What an attempt needs of the runner it runs in. */
export interface AttemptHostOf<A> {
  readonly clock: Clock
  readonly observers: Observers
  readonly graceMs: number
  readonly deadlines: { changed(attempt: A): void; delete(attempt: A): void }
  readonly parts: {
    logOf(attempt: A): Logger
    openServices(attempt: A): Services
    addFrom(parent: Submission, args: readonly unknown[]): TaskHandle
  }
  attemptEnded(attempt: A, outcome: AttemptOutcome): void
  endedLate(attempt: A, threw: Thrown | undefined): void
}

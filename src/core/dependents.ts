import { skippedAfter } from './dependencies.ts'
import type { Submission } from './submission.ts'
import type { Outcome } from './task.ts'

export interface DependentsHost {
  settle(submission: Submission, outcome: Outcome): void
  /** Nothing that it comes after is missing any more. */
  unblocked(submission: Submission): void
}

/** A task that ended, and those that came after it. */
interface Freed {
  readonly dependency: Submission
  readonly dependents: readonly Submission[]
}

/** Lets go of what waited for a task that ended: in a loop and not by recursion, since what it skips may be a chain of thousands. */
export class Dependents {
  readonly #host: DependentsHost
  #freed: Freed[] = []

  constructor(host: DependentsHost) {
    this.#host = host
  }

  free(dependency: Submission, dependents: readonly Submission[]): void {
    this.#freed.push({ dependency, dependents })
    if (this.#freed.length > 1) return
    for (const ended of this.#freed) for (const dependent of ended.dependents) this.#ended(dependent, ended.dependency)
    this.#freed = []
  }

  #ended(dependent: Submission, dependency: Submission): void {
    if (dependent.outcome) return
    dependent.waitsFor--
    const reason = skippedAfter(dependent.options, [dependency])
    if (reason) this.#host.settle(dependent, { outcome: 'skipped', reason, attempts: 0 })
    else if (dependent.waitsFor === 0 && dependent.state === 'blocked') this.#host.unblocked(dependent)
  }
}

import type { RunnerEvent, SubmissionResult, TaskObserver } from '../../core/observer.ts'
import type { Submission } from '../../core/submission.ts'
import type { AttemptOutcome, Outcome, TaskContext, TaskRecord } from '../../core/task.ts'
import { Seen } from './added-task.ts'

/** An error that reached no handler: it escaped a task, or something round the tasks failed. */
export interface StrayError {
  /** Such as `hook onDead`; a floating rejection is in its task. */
  readonly where: string
  readonly error: Error
}

/** Keeps every task that is added, and says when something changed. */
export class Recorder implements TaskObserver {
  readonly name = 'testing kit'
  readonly seen: Seen[] = []
  readonly strays: StrayError[] = []
  readonly #changed: () => void

  constructor(changed: () => void) {
    this.#changed = changed
  }

  submitted(record: TaskRecord, result: SubmissionResult, error?: Error): void {
    const known = result === 'duplicate' ? this.of(record) : undefined
    if (known) known.duplicates++
    // Observers are given nothing else.
    else
      this.seen.push(
        new Seen(record as Submission, result === 'rejected' ? (error ?? new Error('rejected')) : undefined),
      )
    this.#changed()
  }

  attempted({ record }: TaskContext, outcome: AttemptOutcome): void {
    this.of(record)?.attempts.push(outcome)
    this.#changed()
  }

  settled(record: TaskRecord, outcome: Outcome): void {
    const seen = this.of(record)
    if (seen) seen.outcome = outcome
    this.#changed()
  }

  gate(): void {
    this.#changed()
  }

  event(event: RunnerEvent): void {
    const escaped = strayOf(event)
    if (escaped) this.strays.push(escaped)
    this.#changed()
  }

  of(record: TaskRecord): Seen | undefined {
    return this.seen.findLast(({ submission }) => submission === record)
  }
}

function strayOf(event: RunnerEvent): StrayError | undefined {
  if (event.type === 'stray_error') return { where: `task '${event.record.name}'`, error: event.error }
  if (event.type === 'failure_of_our_own') return { where: event.where, error: event.error }
  if (event.type === 'late_completion' && event.error)
    return { where: `task '${event.record.name}', after it was let go`, error: event.error }
  return undefined
}

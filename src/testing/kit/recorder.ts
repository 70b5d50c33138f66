import type { RunnerEvent, SubmissionResult, TaskObserver } from '../../core/observer.ts'
import type { Submission } from '../../core/submission.ts'
import type { AttemptOutcome, Outcome, TaskContext, TaskRecord } from '../../core/task.ts'
import { Seen } from './added-task.ts'
import type { Requests } from './requests.ts'

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
  readonly #requests: Pick<Requests, 'nameOf'>
  readonly #changed: () => void

  constructor(requests: Pick<Requests, 'nameOf'>, changed: () => void) {
    this.#requests = requests
    this.#changed = changed
  }

  submitted(record: TaskRecord, result: SubmissionResult, error?: Error): void {
    const known = result === 'duplicate' ? this.of(record) : undefined
    if (known) known.duplicates++
    else this.seen.push(this.#newlySeen(record, result === 'rejected' ? (error ?? new Error('rejected')) : undefined))
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

  #newlySeen(record: TaskRecord, rejected: Error | undefined): Seen {
    const { request } = record
    const by = () => request && this.#requests.nameOf(request)
    // Observers are given nothing else.
    return new Seen(record as Submission, { rejected, by })
  }

  of(record: TaskRecord): Seen | undefined {
    return this.seen.findLast(({ submission }) => submission === record)
  }
}

function strayOf(event: RunnerEvent): StrayError | undefined {
  if (event.type === 'stray_error') return { where: `task '${event.record.name}'`, error: event.error }
  // What is said of an add is advice, such as that a function cannot be stored.
  if (event.type === 'failure_of_our_own' && event.where !== 'add') return { where: event.where, error: event.error }
  if (event.type === 'late_completion' && event.error)
    return { where: `task '${event.record.name}', after it was let go`, error: event.error }
  return undefined
}

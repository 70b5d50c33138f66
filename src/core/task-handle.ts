import type { Submission } from './submission.ts'
import type { Acceptance, Outcome, TaskHandle } from './task.ts'

const ACCEPTED: Promise<Acceptance> = Promise.resolve({ accepted: true })

/** What `add()` returns. It keeps the submission to itself: a printed or logged handle shows an id and a name. */
export class Handle<R = unknown> implements TaskHandle<R> {
  readonly id: string
  readonly name: string
  readonly duplicate: boolean
  readonly #submission: Submission
  readonly #wait: ((submission: Submission) => void) | undefined
  readonly #cancel: (submission: Submission, reason: string) => void
  readonly #refused: Error | undefined

  constructor(submission: Submission, owner: HandleOwner, refused?: Error) {
    this.id = submission.id
    this.name = submission.name
    this.duplicate = false
    this.#submission = submission
    this.#wait = owner.awaited
    this.#cancel = owner.cancelSubmission
    this.#refused = refused
  }

  get accepted(): Promise<Acceptance> {
    return this.#refused ? Promise.resolve({ accepted: false, error: this.#refused }) : ACCEPTED
  }

  get settled(): Promise<Outcome<R>> {
    this.#wait?.(this.#submission)
    return this.#submission.settled as Promise<Outcome<R>>
  }

  cancel(reason = 'cancelled by its handle'): void {
    this.#cancel(this.#submission, reason)
  }

  static submissionOf(handle: unknown): Submission | undefined {
    return typeof handle === 'object' && handle !== null && #submission in handle ? handle.#submission : undefined
  }
}

export interface HandleOwner {
  readonly awaited: (submission: Submission) => void
  readonly cancelSubmission: (submission: Submission, reason: string) => void
}

import { inspect } from 'node:util'
import type { Submission } from './submission.ts'
import type { Acceptance, Outcome, TaskHandle } from './task.ts'

const ACCEPTED: Promise<Acceptance> = Promise.resolve({ accepted: true })

const PLAIN = {}

/** What `add()` returns. It keeps the submission to itself: a printed or logged handle shows an id and a name. */
export class Handle<R = unknown> implements TaskHandle<R> {
  readonly #submission: Submission
  readonly #owner: HandleOwner
  readonly #refused: Error | undefined
  readonly duplicate: boolean

  constructor(submission: Submission, owner: HandleOwner, odd: { refused?: Error; duplicate?: boolean } = PLAIN) {
    this.#submission = submission
    this.#owner = owner
    this.#refused = odd.refused
    this.duplicate = odd.duplicate ?? false
  }

  get id(): string {
    return this.#submission.id
  }
  get name(): string {
    return this.#submission.name
  }

  get accepted(): Promise<Acceptance> {
    if (this.#refused) return Promise.resolve({ accepted: false, error: this.#refused })
    return this.#submission.durable ? this.#owner.acceptance(this.#submission) : ACCEPTED
  }

  get settled(): Promise<Outcome<R>> {
    this.#owner.awaited(this.#submission)
    return this.#submission.settled as Promise<Outcome<R>>
  }

  /** Made when it is read, so that it may be taken off the handle and called alone. */
  get cancel(): (reason?: string) => void {
    return (reason = 'cancelled by its handle') => this.#owner.cancelSubmission(this.#submission, reason)
  }

  toJSON(): object {
    return { id: this.id, name: this.name }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }

  /** True for a handle of any runner. */
  static isHandle(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #submission in value
  }

  /** The submission behind a handle of this owner's. */
  static submissionOf(handle: unknown, owner: HandleOwner): Submission | undefined {
    const ours = typeof handle === 'object' && handle !== null && #submission in handle && handle.#owner === owner
    return ours ? handle.#submission : undefined
  }
}

export interface HandleOwner {
  readonly awaited: (submission: Submission) => void
  /** Of a durable one: whether it was stored. */
  readonly acceptance: (submission: Submission) => Promise<Acceptance>
  readonly cancelSubmission: (submission: Submission, reason: string) => void
}

import type { Submission } from './submission.ts'

/** Which task waits to start under which key. A key belongs to its task: two tasks may use the same. */
export class PendingKeys {
  readonly #pending = new Map<string, Submission>()

  find({ name, options }: Submission): Submission | undefined {
    return options.key === undefined ? undefined : this.#pending.get(keyOf(name, options.key))
  }

  add(submission: Submission): void {
    const { name, options } = submission
    if (options.key !== undefined) this.#pending.set(keyOf(name, options.key), submission)
  }

  /** From the start of a task, or its end without one, its key is free for the next. */
  free(submission: Submission): void {
    if (this.find(submission) === submission) this.#pending.delete(keyOf(submission.name, submission.options.key ?? ''))
  }
}

const keyOf = (label: string, key: string): string => `${label}\n${key}`

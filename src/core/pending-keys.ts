import { wantedAfter } from './outcome.ts'
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

/**
 * What waits was asked for again: it waits for that response, too, and runs if any of those who asked wants it to.
 * `takeBack` gets it back from its engine.
 */
export function fold({ origin }: Submission, pending: Submission, takeBack: (pending: Submission) => void): void {
  const { holder, request, judged } = origin
  const holds = holder ? holder.holdsToo(pending) : judged && request?.holder?.holdsForResponse(pending)
  const inEngine = pending.state === 'queued' || pending.state === 'delayed'
  if (holds && inEngine) takeBack(pending)
  if (holds && (inEngine || pending.state === 'blocked')) pending.state = 'held'
  if (!judged || !request || wantedAfter(pending.settings, request)) pending.wanted = true
}

const keyOf = (label: string, key: string): string => `${label}\n${key}`

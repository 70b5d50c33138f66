import { inspect } from 'node:util'
import type { State } from '../../core/ledger.ts'
import type { Submission } from '../../core/submission.ts'
import type { AnyFunction, AttemptOutcome, Outcome, RequestFacts, Task } from '../../core/task.ts'

/** One `add()` that the kit saw, and what became of it. It goes on changing until it has an outcome. */
export interface AddedTask {
  readonly id: string
  readonly name: string
  /** Undefined for a function or closure. */
  readonly task: Task | undefined
  /** As the handler gets it; of a function, its arguments. */
  readonly input: unknown
  /** What caused it, unless it was added outside of any request. */
  readonly request: RequestFacts | undefined
  /** 0 if its request added it, or code outside of requests; 1 if such a task did, and so on. */
  readonly depth: number
  /** Milliseconds asked for by `delayMs`. */
  readonly delayMs: number
  /** How often the same was asked for again, by its `key`, and folded into it. */
  readonly duplicates: number
  /** Why it was refused: it then never was a task. */
  readonly rejected: Error | undefined
  readonly state: State | 'ended' | 'rejected'
  /** One for each attempt that ended. */
  readonly attempts: readonly AttemptOutcome[]
  /** Once it has ended. */
  readonly outcome: Outcome | undefined
}

/** What a task is asked for by: itself, a function, or a name. */
export type TaskQuery = Task | AnyFunction | string

export class Seen implements AddedTask {
  readonly name: string
  readonly input: unknown
  readonly rejected: Error | undefined
  readonly attempts: AttemptOutcome[] = []
  readonly submission: Submission
  /** The name of its request, as far as that is known now. */
  readonly by: () => string | undefined
  duplicates = 0
  outcome: Outcome | undefined

  constructor(submission: Submission, { rejected, by }: { rejected: Error | undefined; by: () => string | undefined }) {
    this.submission = submission
    this.by = by
    this.name = submission.name
    // The submission forgets it once it has ended.
    this.input = submission.input
    this.rejected = rejected
  }

  get id(): string {
    return this.submission.id
  }
  get task(): Task | undefined {
    return this.submission.task.definition
  }
  get request(): RequestFacts | undefined {
    return this.submission.request
  }
  get depth(): number {
    return this.submission.depth
  }
  get delayMs(): number {
    return this.submission.delayMs
  }
  get state(): AddedTask['state'] {
    if (this.rejected) return 'rejected'
    return this.outcome ? 'ended' : this.submission.state
  }

  is(query: TaskQuery): boolean {
    return typeof query === 'object' && this.task ? this.task === query : this.name === nameOf(query)
  }

  toJSON(): object {
    const { id, name, input, state, outcome } = this
    return { id, name, input, state, outcome: outcome?.outcome }
  }
  [inspect.custom](): object {
    return this.toJSON()
  }
}

export const nameOf = (query: TaskQuery): string =>
  typeof query === 'string' ? query : query.name.replace(/^(?:bound )+/, '')

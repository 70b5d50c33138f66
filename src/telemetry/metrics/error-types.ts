import { OTHER } from '../../core/registry.ts'
import type { AttemptOutcome } from '../../core/task.ts'
import { errorTypeOf } from '../failures.ts'

const MAX_ERROR_TYPES = 10

/** The types of errors that each task may have on metrics: the first ten, since some clients make one up per error. */
export class ErrorTypes {
  readonly #known = new Map<string, Set<string>>()

  /** Undefined for an outcome that is no failure. */
  of(label: string, outcome: AttemptOutcome): string | undefined {
    const type = errorTypeOf(outcome)
    if (type === undefined) return undefined
    let known = this.#known.get(label)
    if (!known) this.#known.set(label, (known = new Set()))
    if (known.has(type)) return type
    if (known.size >= MAX_ERROR_TYPES) return OTHER
    known.add(type)
    return type
  }
}

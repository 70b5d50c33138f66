import { errorOf } from '../../core/outcome.ts'
import { OTHER } from '../../core/registry.ts'
import type { AttemptOutcome } from '../../core/task.ts'
import { errorType } from '../exceptions.ts'

const MAX_ERROR_TYPES = 10

/** Outcomes that count as failures; what ended so without an error has its outcome for a type, as its span has. */
const FAILED: ReadonlySet<string> = new Set(['failed', 'timed_out', 'dropped', 'interrupted'])
export const isFailure = ({ outcome }: AttemptOutcome): boolean => FAILED.has(outcome)

/** The types of errors that each task may have on metrics: the first ten, since some clients make one up per error. */
export class ErrorTypes {
  readonly #known = new Map<string, Set<string>>()

  /** Undefined for an outcome that has no error. */
  of(label: string, outcome: AttemptOutcome): string | undefined {
    const error = outcome.outcome === 'completed' ? outcome.handled : errorOf(outcome)
    if (!error) return isFailure(outcome) ? outcome.outcome : undefined
    const type = errorType(error)
    let known = this.#known.get(label)
    if (!known) this.#known.set(label, (known = new Set()))
    if (known.has(type)) return type
    if (known.size >= MAX_ERROR_TYPES) return OTHER
    known.add(type)
    return type
  }
}

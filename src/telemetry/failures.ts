import { errorOf } from '../core/outcome.ts'
import type { AttemptOutcome } from '../core/task.ts'
import { errorType, exceptionFacts, MAX_MESSAGE, messageOf, type ExceptionFacts } from './exceptions.ts'
import type { Texts } from './texts.ts'

/** Outcomes that are failures, which make an ERROR span. */
const FAILURES: ReadonlySet<string> = new Set(['failed', 'retried', 'timed_out', 'dropped', 'interrupted'])

/** Not a retry that was asked for without an error. */
export const isFailure = (outcome: AttemptOutcome): boolean =>
  FAILURES.has(outcome.outcome) && (outcome.outcome !== 'retried' || outcome.error !== undefined)

/**
 * The one value of `error.type`, on span, metric and log alike: the class of the error, or of one that middleware
 * swallowed; the outcome where a failure has no error; nothing where there was no failure, such as an expected error.
 */
export function errorTypeOf(outcome: AttemptOutcome): string | undefined {
  if (outcome.outcome === 'completed') return outcome.handled && errorType(outcome.handled)
  if (!isFailure(outcome)) return undefined
  const error = errorOf(outcome)
  return error ? errorType(error) : outcome.outcome
}

/** What telemetry says of what went wrong: read, masked and redacted once, whoever asks how often. */
export class Failures {
  readonly #texts: Texts
  readonly #facts = new WeakMap<AttemptOutcome, ExceptionFacts>()

  constructor(texts: Texts) {
    this.#texts = texts
  }

  /** Of how an attempt ended; undefined if nothing was thrown. */
  of(outcome: AttemptOutcome): ExceptionFacts | undefined {
    const error = outcome.outcome === 'completed' ? outcome.handled : errorOf(outcome)
    if (!error) return undefined
    let facts = this.#facts.get(outcome)
    if (!facts) this.#facts.set(outcome, (facts = this.ofError(error)))
    return facts
  }

  ofError(error: unknown): ExceptionFacts {
    return exceptionFacts(error, this.#texts)
  }

  reasonOf(outcome: AttemptOutcome): string | undefined {
    if (!('reason' in outcome) || outcome.reason === undefined) return undefined
    return this.#texts.line(outcome.reason, MAX_MESSAGE, errorOf(outcome))
  }

  /** What may be kept of how a task ended, for a person to look at. */
  describe(outcome: AttemptOutcome): {
    readonly errorType: string | undefined
    readonly message: string | undefined
    readonly reason: string | undefined
  } {
    return { errorType: errorTypeOf(outcome), message: this.of(outcome)?.message, reason: this.reasonOf(outcome) }
  }

  messageOf(error: Error): string {
    return messageOf(error, this.#texts)
  }
}

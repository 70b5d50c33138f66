import type { DeathNote, Ending } from '../engine.ts'
import type { AttemptOutcome } from '../task.ts'

/** What may be said of a failure: masked, bounded, one line. */
export interface Described {
  readonly errorType?: string | undefined
  readonly message?: string | undefined
  readonly reason?: string | undefined
}

export type Describe = (outcome: AttemptOutcome) => Described

const DEAD: ReadonlySet<Ending['outcome']> = new Set(['failed', 'timed_out', 'dropped'])

/** The note of one that ended badly, for its engine to keep; undefined for what did not. */
export function deathNote(ending: Ending, at: number, describe: Describe): DeathNote | undefined {
  if (!DEAD.has(ending.outcome) || ending.outcome === 'returned' || ending.outcome === 'retried') return undefined
  const { outcome, attempts } = ending
  const { errorType, message, reason } = describe(ending)
  return {
    outcome,
    at: Math.round(at),
    attempts,
    ...(errorType !== undefined && { errorType }),
    ...(message !== undefined && { message }),
    ...(reason !== undefined && { reason }),
  }
}

import type { SubmissionResult } from './observer.ts'
import type { Outcome } from './task.ts'

export type OutcomeName = Outcome['outcome']

export const SUBMISSION_RESULTS = [
  'accepted',
  'rejected',
  'duplicate',
  'fetched',
] as const satisfies readonly SubmissionResult[]
export const OUTCOMES = [
  'completed',
  'failed',
  'timed_out',
  'discarded',
  'cancelled',
  'skipped',
  'dropped',
  'interrupted',
  'handed_over',
] as const satisfies readonly OutcomeName[]
export const STATES = ['held', 'blocked', 'queued', 'delayed', 'running', 'backoff'] as const
export type State = (typeof STATES)[number]

/**
 * What happened to one task's submissions in this process, in plain integers. At every instant
 * `accepted + fetched = sum of outcomes + in flight`, where in flight is counted from the live records, never derived.
 * Metrics read these very integers, so what is exported equals what happened by construction.
 */
export interface Counts {
  readonly submissions: Record<SubmissionResult, number>
  readonly outcomes: Record<OutcomeName, number>
  retries: number
  handledErrors: number
  strayErrors: number
}

export const newCounts = (): Counts => ({
  submissions: { accepted: 0, rejected: 0, duplicate: 0, fetched: 0 },
  outcomes: {
    completed: 0,
    failed: 0,
    timed_out: 0,
    discarded: 0,
    cancelled: 0,
    skipped: 0,
    dropped: 0,
    interrupted: 0,
    handed_over: 0,
  },
  retries: 0,
  handledErrors: 0,
  strayErrors: 0,
})

/** What of one task waits or runs, by the ledger's law. */
export function pendingOf({ submissions, outcomes }: Counts): number {
  let pending = submissions.accepted + submissions.fetched
  for (const outcome of OUTCOMES) pending -= outcomes[outcome]
  return pending
}

export const newStates = (): Record<State, number> => ({
  held: 0,
  blocked: 0,
  queued: 0,
  delayed: 0,
  running: 0,
  backoff: 0,
})

export function sumCounts(all: Iterable<Counts>): Counts {
  const sum = newCounts()
  for (const counts of all) addCounts(sum, counts)
  return sum
}

export function addCounts(sum: Counts, counts: Counts): void {
  for (const result of SUBMISSION_RESULTS) sum.submissions[result] += counts.submissions[result]
  for (const outcome of OUTCOMES) sum.outcomes[outcome] += counts.outcomes[outcome]
  sum.retries += counts.retries
  sum.handledErrors += counts.handledErrors
  sum.strayErrors += counts.strayErrors
}

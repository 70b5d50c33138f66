import type { Outcome } from 'koa-afterglow'

export type OutcomeName = Outcome['outcome']

const OUTCOMES = [
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

/** What is compared, line by line. */
export const ROWS = [
  'accepted',
  'rejected',
  'duplicate',
  ...OUTCOMES,
  'retries',
  'handled errors',
  'stuck',
  'late completions',
  'spans',
] as const
export type Row = (typeof ROWS)[number]
export type Counted = Readonly<Record<Row, number>>

/** What the driver asked for, and so what must come of it. It never looks at the runner. */
export class Tally {
  readonly #counts = new Map<Row, number>()
  /** Adds of any kind so far, refused ones too. */
  submitted = 0

  /** So many tasks that are accepted and end like this. */
  ends(outcome: OutcomeName, times = 1): void {
    this.submitted += times
    this.plus('accepted', times)
    this.plus(outcome, times)
    // One for each, run or not.
    this.plus('spans', times)
  }

  refused(row: 'rejected' | 'duplicate', times = 1): void {
    this.submitted += times
    this.plus(row, times)
  }

  /** Further attempts, each with a span of its own. */
  retries(times: number): void {
    this.plus('retries', times)
    this.plus('spans', times)
  }

  plus(row: Row, times = 1): void {
    this.#counts.set(row, this.of(row) + times)
  }

  of(row: Row): number {
    return this.#counts.get(row) ?? 0
  }
}

/** One line per row, and the names of those that differ. */
export function compared(tally: Tally, counted: Counted): { readonly lines: readonly string[]; readonly off: Row[] } {
  const off = ROWS.filter((row) => tally.of(row) !== counted[row])
  const line = (row: Row) =>
    [
      row.padEnd(18),
      String(tally.of(row)).padStart(10),
      String(counted[row]).padStart(10),
      off.includes(row) ? '  OFF' : '',
    ].join('  ')
  return { lines: [`${''.padEnd(18)}  ${'expected'.padStart(10)}  ${'counted'.padStart(10)}`, ...ROWS.map(line)], off }
}

/** accepted - sum of outcomes - in flight, by the counters alone. */
export const imbalance = (counted: Counted, inFlight: number): number =>
  counted.accepted - OUTCOMES.reduce((sum, outcome) => sum + counted[outcome], 0) - inFlight

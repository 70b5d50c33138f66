// What `koa-afterglow doctor` sees of an application that it started. Without it there is no inspector, and nothing here runs.
import type { OutcomeName } from './ledger.ts'
import type { SubmissionResult } from './observer.ts'

export interface Inspector {
  runner(runner: InspectedRunner): void
  /** `tasks.middleware()` gave this function. */
  middleware(made: object): void
  /** A request reached it. */
  request(): void
  shutdown(facts: {
    readonly deadlineMs: number
    readonly signals: readonly string[]
    readonly telemetry: boolean
  }): void
}

export interface InspectedRunner {
  readonly version: string
  /** Where this copy of the package was loaded from. */
  readonly url: string
  readonly contains: boolean
  names(): readonly string[]
  stats(): {
    readonly submissions: Readonly<Record<SubmissionResult, number>>
    readonly outcomes: Readonly<Record<OutcomeName, number>>
  }
}

const KEY = Symbol.for('koa-afterglow.inspector')

export const inspector = (): Inspector | undefined => (globalThis as { [KEY]?: Inspector })[KEY]

export function setInspector(one: Inspector): void {
  ;(globalThis as { [KEY]?: Inspector })[KEY] = one
}

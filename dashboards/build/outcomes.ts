// Which outcomes count. The same four are failures for the ratio, the budget and every alert.
import { ATTRIBUTES } from '../../src/telemetry/names/registry.ts'
import { TASK_OUTCOME } from '../../src/telemetry/names.ts'

const known = (...outcomes: readonly string[]): readonly string[] => {
  const unknown = outcomes.filter((outcome) => !ATTRIBUTES[TASK_OUTCOME]?.values?.includes(outcome))
  if (unknown.length > 0) throw new Error(`no task ends as ${unknown.join(', ')}`)
  return outcomes
}

/** Somebody must look at it. */
export const BAD = known('failed', 'timed_out', 'dropped', 'interrupted')
/** What a failure ratio is of: discarded, cancelled, skipped and handed over tasks are neither failures nor runs. */
export const RUNS = known('completed', ...BAD)
/** Accepted, and nobody will do it any more. */
export const LOST = known('dropped', 'interrupted')

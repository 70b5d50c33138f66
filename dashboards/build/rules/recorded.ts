// Names of what is recorded, and the two ways to read it.
import * as names from '../../../src/telemetry/names.ts'
import type { Window } from '../../config.ts'
import { labelOf, sumBy } from '../promql.ts'
import { TASK } from './idioms.ts'

export const RECORDED = {
  /** How many tasks settled, by outcome. */
  settled: (window: Window): string => `afterglow_task:settled:increase${window}`,
  /** Part of the runs that failed. */
  failures: (window: Window): string => `afterglow_task:failures:ratio${window}`,
  accepted: 'afterglow_task:accepted:increase1h',
  handled: 'afterglow_task:handled_errors:increase30m',
  slo: 'afterglow_task:slo:ratio',
  timeout: 'afterglow_task:timeout:seconds',
  /** Always 1: `owner` is the label. */
  owner: 'afterglow_task:owner:info',
  /** For how long the oldest waits where nothing has ended for five minutes; no series where anything has. */
  stuck: 'afterglow_instance:queue_stuck:seconds',
} as const

const OUTCOME = labelOf(names.TASK_OUTCOME)
export const settledAs = (window: Window, outcomes: readonly string[]): string =>
  sumBy(TASK, `${RECORDED.settled(window)}{${OUTCOME}=~"${outcomes.join('|')}"}`)

/**
 * What each span, metric and log event is and carries, as data. Docs, dashboards, alerts and `telemetry.contract.json` are
 * made from it and tests hold what is exported to it; nothing that runs in a service reads it.
 */
import * as names from '../names.ts'
import type { Carries } from './carries.ts'

export { ATTRIBUTES, type AttributeInfo } from './attributes.ts'
export type { Carries } from './carries.ts'
export { LOGS, type LogEventInfo } from './log-events.ts'
export { SPANS, type SpanInfo } from './spans.ts'

export interface MetricInfo extends Carries, names.MetricName {}

const of = (metric: names.MetricName, always: readonly string[], sometimes: readonly string[] = []): MetricInfo => ({
  ...metric,
  always,
  sometimes,
})
export const METRICS: readonly MetricInfo[] = [
  of(names.RUN_DURATION, [names.TASK_NAME, names.ENGINE, names.TASK_OUTCOME], [names.ERROR_TYPE]),
  of(names.WAIT_DURATION, [names.TASK_NAME, names.ENGINE]),
  of(names.RESPONSE_GAP, []),
  of(names.BLOCKING_DURATION, [names.TASK_NAME, names.ENGINE]),
  of(names.DRAIN_DURATION, []),
  of(names.SUBMISSIONS, [names.TASK_NAME, names.SUBMISSION_RESULT]),
  of(names.SETTLED, [names.TASK_NAME, names.TASK_OUTCOME]),
  of(names.FAILURES, [names.TASK_NAME, names.ERROR_TYPE], [names.HTTP_ROUTE]),
  of(names.RETRIES, [names.TASK_NAME]),
  of(names.HANDLED_ERRORS, [names.TASK_NAME]),
  of(names.STRAY_ERRORS, [names.TASK_NAME]),
  of(names.RUNNER_ERRORS, [names.COMPONENT]),
  of(names.COUNT, [names.TASK_STATE]),
  of(names.QUEUE_CAPACITY, []),
  of(names.CONCURRENCY_LIMIT, []),
  of(names.QUEUE_OLDEST_AGE, [names.ENGINE], [names.QUEUE_SCOPE]),
  of(names.QUEUE_DEPTH, [names.ENGINE, names.TASK_STATE, names.QUEUE_SCOPE]),
  of(names.OLDEST_RUNNING_AGE, [names.TASK_NAME]),
  of(names.TASK_INFO, [names.TASK_NAME], [names.TASK_TIMEOUT, names.TASK_SLO, names.TASK_OWNER]),
  of(names.RUNNER_INFO, [names.LIBRARY_VERSION]),
]

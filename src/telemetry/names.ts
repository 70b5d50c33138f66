/**
 * Every name that leaves this process: spans, attributes, metrics, log events. They live here and nowhere else; docs,
 * dashboards and alerts are made from this file. A renamed one is a major version.
 */

export const SCOPE_NAME = 'koa-afterglow'

// ---- spans

/** CONSUMER, one per attempt; also for a submission that was accepted and never ran (attempt 0, accepted until now). */
export const runSpanName = (label: string): string => `run ${label}`

/** INTERNAL, one per stop of a runner. */
export const DRAIN_SPAN_NAME = 'drain'

// ---- attributes

export const TASK_NAME = 'afterglow.task.name'
export const TASK_ID = 'afterglow.task.id'
export const TASK_ATTEMPT = 'afterglow.task.attempt'
export const TASK_MAX_ATTEMPTS = 'afterglow.task.max_attempts'
export const TASK_OUTCOME = 'afterglow.task.outcome'
export const TASK_WAIT_TIME = 'afterglow.task.wait_time'
export const TASK_RUN_TIME = 'afterglow.task.run_time'
export const TASK_TIMEOUT = 'afterglow.task.timeout'
export const TASK_RETRY_DELAY = 'afterglow.task.retry.delay'
export const TASK_DEPTH = 'afterglow.task.depth'
export const TASK_CANDIDATES = 'afterglow.task.candidates'
export const STRAY_CONTAINED = 'afterglow.stray_error.contained'
export const TASK_LATE = 'afterglow.task.late'
export const TASK_REASON = 'afterglow.task.reason'
export const TASK_STATE = 'afterglow.task.state'
export const TASK_ERROR_HANDLED = 'afterglow.task.error.handled'
export const SUBMISSION_RESULT = 'afterglow.submission.result'
export const ENGINE = 'afterglow.engine'
export const TRACE_RELATION = 'afterglow.trace.relation'
export const LINK_TYPE = 'afterglow.link.type'
export const REQUEST_TRACE_ID = 'afterglow.request.trace_id'
export const REQUEST_SPAN_ID = 'afterglow.request.span_id'
export const REQUEST_ROUTE = 'afterglow.request.route'
export const REQUEST_METHOD = 'afterglow.request.method'
export const REQUEST_HOLD_TIME = 'afterglow.request.hold_time'
export const REQUEST_STATUS_CODE = 'afterglow.request.status_code'
export const SUBMITTED_COUNT = 'afterglow.submitted.count'
export const SUBMITTED_NAMES = 'afterglow.submitted.names'
export const SUBMITTED_IDS = 'afterglow.submitted.ids'
export const MOUNTED_ABOVE = 'afterglow.mounted.above'
export const REJECTED_COUNT = 'afterglow.rejected.count'
export const DEFERRED = 'afterglow.deferred'
export const ERROR_FINGERPRINT = 'afterglow.error.fingerprint'
export const UNFINISHED_COUNT = 'afterglow.unfinished.count'
export const UNFINISHED_NAMES = 'afterglow.unfinished.names'
export const UNFINISHED_STATES = 'afterglow.unfinished.states'
/** `file:line` of the first frame in the application. */
export const ERROR_LOCATION = 'afterglow.error.location'
export const DRAIN_STAGE = 'afterglow.drain.stage'
export const DRAIN_IN_FLIGHT = 'afterglow.drain.in_flight'
export const DRAIN_SETTLED = 'afterglow.drain.settled'
export const DRAIN_INTERRUPTED = 'afterglow.drain.interrupted'
export const DRAIN_TIME = 'afterglow.drain.time'
export const DRAIN_INTERRUPTED_NAMES = 'afterglow.drain.interrupted_names'
export const DRAIN_INTERRUPTED_IDS = 'afterglow.drain.interrupted_ids'
/** `file:line` that called `add()`; by option. */
export const TASK_ADD_LOCATION = 'afterglow.task.add.location'
export const TASK_BLOCKED_TIME = 'afterglow.task.blocked_time'
/** How many tasks it came after: of its links at most thirty-two lead to those. */
export const TASK_DEPENDENCIES = 'afterglow.task.dependencies'
/** False where the trace that a line names is not kept; absent where it is. */
export const TRACE_SAMPLED = 'afterglow.trace.sampled'
/** OpenTelemetry semantic conventions, stable. */
export const ERROR_TYPE = 'error.type'
export const EXCEPTION_TYPE = 'exception.type'
export const EXCEPTION_MESSAGE = 'exception.message'
export const EXCEPTION_STACKTRACE = 'exception.stacktrace'
/** On the span of a task that did not complete where it is defined; on a line where the failure came from. */
export const CODE_FILE_PATH = 'code.file.path'
export const CODE_LINE_NUMBER = 'code.line.number'
export const CODE_FUNCTION_NAME = 'code.function.name'
/** Of log lines: the names that pino's instrumentation uses. */
export const TRACE_ID = 'trace_id'
export const SPAN_ID = 'span_id'

/** Durations leave as seconds, to the microsecond: more digits say nothing and make a log line longer. */
export const seconds = (ms: number): number => Math.round(ms * 1_000) / 1_000_000

// ---- metrics

export interface MetricName {
  readonly name: string
  readonly kind: 'histogram' | 'observable counter' | 'observable gauge'
  readonly unit: string
  readonly description: string
  readonly buckets?: readonly number[]
}
const SEMCONV_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** Tasks run longer than requests. */
const DURATION_BUCKETS = [...SEMCONV_BUCKETS, 30, 60, 120, 300]

export const RUN_DURATION: MetricName = {
  name: 'afterglow.task.run.duration',
  kind: 'histogram',
  unit: 's',
  description: 'How long one attempt ran.',
  buckets: DURATION_BUCKETS,
}
export const WAIT_DURATION: MetricName = {
  name: 'afterglow.task.wait.duration',
  kind: 'histogram',
  unit: 's',
  description: 'How long an attempt that was ready to run waited for a free slot.',
  buckets: [0.001, ...DURATION_BUCKETS],
}
export const BLOCKING_DURATION: MetricName = {
  name: 'afterglow.task.blocking.duration',
  kind: 'histogram',
  unit: 's',
  description:
    'How long a task kept the event loop from everybody, where it did so for longer than `limits.blockWarnMs`.',
  buckets: DURATION_BUCKETS,
}
export const SUBMISSIONS: MetricName = {
  name: 'afterglow.task.submissions',
  kind: 'observable counter',
  unit: '{task}',
  description: 'Tasks added, by what became of the add.',
}
export const SETTLED: MetricName = {
  name: 'afterglow.task.settled',
  kind: 'observable counter',
  unit: '{task}',
  description: 'Tasks ended, by outcome. Exported at zero from start for every registered task and outcome.',
}
export const RETRIES: MetricName = {
  name: 'afterglow.task.retries',
  kind: 'observable counter',
  unit: '{retry}',
  description: 'Attempts that were followed by another.',
}
export const HANDLED_ERRORS: MetricName = {
  name: 'afterglow.task.handled_errors',
  kind: 'observable counter',
  unit: '{error}',
  description: 'Errors of handlers that middleware swallowed, so that the task counts as completed.',
}
export const STRAY_ERRORS: MetricName = {
  name: 'afterglow.task.stray_errors',
  kind: 'observable counter',
  unit: '{error}',
  description:
    'Errors that escaped a task: floating rejections, throws in timers. By the task they are put on, a best guess.',
}
export const COUNT: MetricName = {
  name: 'afterglow.task.count',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'Tasks in flight now, by state.',
}
export const METRICS = [
  RUN_DURATION,
  WAIT_DURATION,
  BLOCKING_DURATION,
  SUBMISSIONS,
  SETTLED,
  RETRIES,
  HANDLED_ERRORS,
  STRAY_ERRORS,
  COUNT,
] as const

// ---- logs

/** The field that instrumentation-pino turns into the LogRecord's event name. */
export const EVENT_NAME = 'otel.event.name'
export const LOG_EVENTS = {
  completed: 'afterglow.task.completed',
  exception: 'afterglow.task.run.exception',
  discarded: 'afterglow.task.discarded',
  cancelled: 'afterglow.task.cancelled',
  skipped: 'afterglow.task.skipped',
  dropped: 'afterglow.task.dropped',
  interrupted: 'afterglow.task.interrupted',
  rejected: 'afterglow.task.rejected',
  stuck: 'afterglow.task.stuck',
  late_completion: 'afterglow.task.late_completion',
  blocked: 'afterglow.task.blocked',
  stray_error: 'afterglow.task.stray_error',
  held_too_long: 'afterglow.request.held_too_long',
  mounted_below: 'afterglow.mounted_below',
  waits_for_itself: 'afterglow.task.waits_for_itself',
  unfinished: 'afterglow.unfinished',
  drain: 'afterglow.drain',
  drained: 'afterglow.drained',
  failure_of_our_own: 'afterglow.failure',
} as const

/**
 * Every name that leaves this process: spans, attributes, metrics, log events. They live here and nowhere else; what each
 * means is said in names/registry.ts, from which docs, dashboards and alerts are made. A renamed one is a major version.
 */

export const SCOPE_NAME = 'koa-afterglow'

// ---- spans

/** CONSUMER, one per attempt; also for a submission that was accepted and never ran (attempt 0, accepted until now). */
export const runSpanName = (label: string): string => `run ${label}`

/** PRODUCER, one per task that is given to a durable engine, for as long as the store takes. */
export const sendSpanName = (queue: string): string => `send ${queue}`

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
export const TASK_LOST_CLAIMS = 'afterglow.task.lost_claims'
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
export const DRAIN_HANDED_OVER = 'afterglow.drain.handed_over'
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
export const TASK_OWNER = 'afterglow.task.owner'
export const TASK_SLO = 'afterglow.task.slo'
/** Part of the runner or of what an application gave it. */
export const COMPONENT = 'afterglow.component'
export const COMPONENTS = ['hook', 'observer', 'engine', 'services', 'runner'] as const
export const LIBRARY_VERSION = 'afterglow.version'
/** Whether a number is of this process or of a whole store, which every process counts alike. */
export const QUEUE_SCOPE = 'afterglow.queue.scope'
/** OpenTelemetry semantic conventions for messaging, in development: on spans of tasks of durable engines. */
export const MESSAGING_SYSTEM = 'messaging.system'
export const MESSAGING_DESTINATION = 'messaging.destination.name'
export const MESSAGING_OPERATION = 'messaging.operation.name'
export const MESSAGING_OPERATION_TYPE = 'messaging.operation.type'
export const MESSAGING_MESSAGE_ID = 'messaging.message.id'
/** OpenTelemetry semantic conventions, stable. */
export const HTTP_ROUTE = 'http.route'
export const ERROR_TYPE = 'error.type'
export const EXCEPTION_TYPE = 'exception.type'
export const EXCEPTION_MESSAGE = 'exception.message'
export const EXCEPTION_STACKTRACE = 'exception.stacktrace'
/** On the span of a task that did not complete where it is defined; on a line where the failure came from. */
export const CODE_FILE_PATH = 'code.file.path'
export const CODE_LINE_NUMBER = 'code.line.number'
export const CODE_FUNCTION_NAME = 'code.function.name'

/** Durations leave as seconds, to the microsecond: more digits say nothing and make a log line longer. */
export const seconds = (ms: number): number => Math.round(ms * 1_000) / 1_000_000

// ---- metrics

export * from './names/metrics.ts'

// ---- logs

/** In each line that belongs to a span, as pino's instrumentation names them. */
export const TRACE_ID = 'trace_id'
export const SPAN_ID = 'span_id'
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
  handed_over: 'afterglow.task.handed_over',
  rejected: 'afterglow.task.rejected',
  stuck: 'afterglow.task.stuck',
  late_completion: 'afterglow.task.late_completion',
  blocked: 'afterglow.task.blocked',
  stray_error: 'afterglow.task.stray_error',
  held_too_long: 'afterglow.request.held_too_long',
  mounted_below: 'afterglow.mounted_below',
  waits_for_itself: 'afterglow.task.waits_for_itself',
  unfinished: 'afterglow.unfinished',
  unknown_task: 'afterglow.task.unknown',
  not_durable: 'afterglow.task.not_durable',
  drain: 'afterglow.drain',
  drained: 'afterglow.drained',
  failure_of_our_own: 'afterglow.failure',
} as const

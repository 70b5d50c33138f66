import * as names from '../names.ts'

export interface AttributeInfo {
  readonly type: 'string' | 'string[]' | 'int' | 'double' | 'boolean'
  readonly unit?: 's'
  readonly brief: string
  readonly example: string | number | boolean | readonly string[]
  /** All there are, where the set is closed. */
  readonly values?: readonly string[]
  /** Whose name it is. What is ours changes with a major version only. @default 'koa-afterglow' */
  readonly origin?: 'OpenTelemetry' | 'pino'
}

const text = (brief: string, example: string, values?: readonly string[]): AttributeInfo => ({
  type: 'string',
  brief,
  example,
  ...(values && { values }),
})
const int = (brief: string, example: number): AttributeInfo => ({ type: 'int', brief, example })
const seconds = (brief: string, example: number): AttributeInfo => ({ type: 'double', unit: 's', brief, example })
const flag = (brief: string): AttributeInfo => ({ type: 'boolean', brief, example: true })
const texts = (brief: string, example: readonly string[]): AttributeInfo => ({ type: 'string[]', brief, example })
const from = (origin: NonNullable<AttributeInfo['origin']>, info: AttributeInfo): AttributeInfo => ({ ...info, origin })

const ID = '9f86d081884c7d659a2feaa0c55ad015'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

/** What each attribute means. Read by docs, dashboards and tests, never by a running service. */
export const ATTRIBUTES: Readonly<Record<string, AttributeInfo>> = {
  [names.TASK_NAME]: text(
    'Name of the task. On metrics functions and closures beyond 50 names are `_OTHER`.',
    'send-welcome-email',
  ),
  [names.TASK_ID]: text('Id of the submission, the same for all of its attempts. Never on metrics.', ID),
  [names.TASK_ATTEMPT]: int('Number of the attempt, from 1; 0 for a task that never ran.', 1),
  [names.TASK_MAX_ATTEMPTS]: int('How many attempts the task may have in all.', 5),
  [names.TASK_OUTCOME]: text('How the task ended, or `retried` if another attempt follows.', 'failed', [
    'completed',
    'failed',
    'timed_out',
    'discarded',
    'cancelled',
    'skipped',
    'dropped',
    'interrupted',
    'handed_over',
    'retried',
  ]),
  [names.TASK_WAIT_TIME]: seconds('How long it was ready to run before it started.', 0.004),
  [names.TASK_RUN_TIME]: seconds('How long it ran.', 0.12),
  [names.TASK_TIMEOUT]: seconds('The time it may run; absent when it may run for ever.', 30),
  [names.TASK_RETRY_DELAY]: seconds('How long it waits for its next attempt.', 0.35),
  [names.TASK_LOST_CLAIMS]: int(
    'How often a worker was lost while it had this attempt, which may therefore have run before; absent for never.',
    1,
  ),
  [names.TASK_DEPTH]: int('How many tasks are between it and the request; absent for none.', 1),
  [names.TASK_CANDIDATES]: texts('Tasks that ran while the event loop was blocked; one of them did it, or none.', [
    'resize-image',
  ]),
  [names.TASK_LATE]: flag('Added from the async context of a request that was over.'),
  [names.TASK_REASON]: text('Why it was discarded, cancelled, skipped, dropped, interrupted or rejected.', 'expired'),
  [names.TASK_STATE]: text('What an accepted task that has not ended waits for.', 'queued', [
    'held',
    'blocked',
    'queued',
    'delayed',
    'running',
    'backoff',
  ]),
  [names.TASK_ERROR_HANDLED]: flag('Its handler threw and middleware swallowed the error.'),
  [names.STRAY_CONTAINED]: flag('Whether the process was kept alive.'),
  [names.SUBMISSION_RESULT]: text('What became of an `add()`.', 'accepted', [
    'accepted',
    'rejected',
    'duplicate',
    'fetched',
  ]),
  [names.ENGINE]: text('What held the task and ran it.', 'in_process'),
  [names.TRACE_RELATION]: text('How its trace hangs together with that of its request.', 'child', ['child', 'link']),
  [names.LINK_TYPE]: text('What a link leads to.', 'request', [
    'request',
    'task',
    'previous_attempt',
    'dependency',
    'interrupted',
    'send',
  ]),
  [names.TRACE_SAMPLED]: {
    type: 'boolean',
    brief: 'False where the trace that a line names is not kept; absent where it is.',
    example: false,
  },
  [names.TASK_ADD_LOCATION]: text('`file:line` that called `add()`; by option.', 'src/routes.ts:42'),
  [names.TASK_BLOCKED_TIME]: seconds('How long the event loop was blocked.', 0.25),
  [names.TASK_DEPENDENCIES]: int('How many tasks it came after; of its links at most 32 lead to those.', 2),
  [names.DRAIN_INTERRUPTED_NAMES]: texts('Names of the tasks that the drain interrupted, the first ones.', [
    'send-welcome-email',
  ]),
  [names.DRAIN_INTERRUPTED_IDS]: texts('Their ids.', [ID]),
  [names.ERROR_LOCATION]: text('`file:line` of the first frame in the application.', 'src/mail.ts:17'),
  [names.MOUNTED_ABOVE]: texts('Middleware mounted above `tasks.middleware()`.', ['logger']),
  [names.UNFINISHED_COUNT]: int('Accepted tasks that the process ended with.', 3),
  [names.UNFINISHED_NAMES]: texts('Their names, the first ten.', ['send-welcome-email']),
  [names.UNFINISHED_STATES]: texts('What they waited for.', ['delayed']),
  [names.CODE_FILE_PATH]: from(
    'OpenTelemetry',
    text('On a span where the task is defined, on a line where its error came from.', '/app/src/mail.ts'),
  ),
  [names.CODE_LINE_NUMBER]: from('OpenTelemetry', int('Line in that file.', 17)),
  [names.CODE_FUNCTION_NAME]: from('OpenTelemetry', text('Function there.', 'sendWelcome')),

  [names.REQUEST_TRACE_ID]: text('Trace of the request that caused it, in whichever relation.', TRACE),
  [names.REQUEST_SPAN_ID]: text('Span of the request that caused it.', SPAN),
  [names.REQUEST_ROUTE]: text('Route of that request.', '/register'),
  [names.REQUEST_METHOD]: text('Method of that request.', 'POST'),
  [names.REQUEST_STATUS_CODE]: int('Status of that request; absent where it is not known yet.', 200),
  [names.REQUEST_HOLD_TIME]: seconds('How long a response that did not settle held tasks back.', 60),
  [names.SUBMITTED_COUNT]: int('How many tasks the request added.', 2),
  [names.SUBMITTED_NAMES]: texts('Their names, of the first twenty.', ['send-welcome-email', 'write-audit-row']),
  [names.SUBMITTED_IDS]: texts('Their ids, of the first twenty.', [ID]),
  [names.REJECTED_COUNT]: int('How many adds of the request were rejected.', 0),
  [names.DEFERRED]: flag('A task of this request may end after its trace was judged: tail sampling keeps the request.'),
  [names.ERROR_FINGERPRINT]: text('The same for failures of the same kind at the same place.', '2fd4e1c67a2d28fc'),
  [names.DRAIN_STAGE]: text('How far the drain is.', 'waiting', ['waiting', 'aborting']),
  [names.DRAIN_IN_FLIGHT]: int('Tasks that have not ended.', 12),
  [names.DRAIN_SETTLED]: int('Tasks that ended since the shutdown began, as they would have otherwise.', 11),
  [names.DRAIN_INTERRUPTED]: int('Tasks that the drain interrupted.', 1),
  [names.DRAIN_HANDED_OVER]: int(
    'Tasks that the drain gave back to the stores of durable engines; absent for none.',
    2,
  ),
  [names.DRAIN_TIME]: seconds('How long the drain took.', 1.5),
  [names.TASK_OWNER]: text('The team a task belongs to, as its definition says.', 'growth'),
  [names.TASK_SLO]: {
    type: 'double',
    brief: 'The part of its runs that must not fail, as its definition says.',
    example: 0.99,
  },
  [names.COMPONENT]: text('What failed without being a task.', 'hook', names.COMPONENTS),
  [names.LIBRARY_VERSION]: text('Version of koa-afterglow.', '0.1.0'),
  [names.QUEUE_SCOPE]: text(
    'Whose tasks are counted: of this process, or of a whole store, where every process says the same: take the maximum, not the sum.',
    'store',
    ['process', 'store'],
  ),
  [names.MESSAGING_SYSTEM]: from('OpenTelemetry', text('The durable engine.', 'pg_boss')),
  [names.MESSAGING_DESTINATION]: from('OpenTelemetry', text('What it calls its queue.', 'afterglow')),
  [names.MESSAGING_OPERATION]: from('OpenTelemetry', text('What is done with the task.', 'send', ['send', 'run'])),
  [names.MESSAGING_OPERATION_TYPE]: from(
    'OpenTelemetry',
    text('The same in words of the convention.', 'process', ['send', 'process']),
  ),
  [names.MESSAGING_MESSAGE_ID]: from('OpenTelemetry', text('Id of the submission.', ID)),
  [names.HTTP_ROUTE]: from(
    'OpenTelemetry',
    text('Route of the request that caused it; `_OTHER` beyond 200 pairs of task and route.', '/register'),
  ),
  [names.ERROR_TYPE]: from(
    'OpenTelemetry',
    text(
      'Class of the error, or the outcome where there is none; equal on span, metric and log. On metrics `_OTHER` beyond ten of a task.',
      'SmtpError',
    ),
  ),
  [names.EXCEPTION_TYPE]: from('OpenTelemetry', text('Class of the error.', 'SmtpError')),
  [names.EXCEPTION_MESSAGE]: from('OpenTelemetry', text('Its message, at most 1024 characters.', 'mailbox is full')),
  [names.EXCEPTION_STACKTRACE]: from(
    'OpenTelemetry',
    text('Its stack with causes and members, at most 16384 characters.', 'SmtpError: mailbox is full\n    at ...'),
  ),
  [names.TRACE_ID]: from('pino', text('Trace of the span that the line belongs to.', TRACE)),
  [names.SPAN_ID]: from('pino', text('The span that the line belongs to.', SPAN)),
  [names.EVENT_NAME]: from(
    'pino',
    text('Name of the event; becomes the event name of the OpenTelemetry log record.', 'afterglow.task.completed'),
  ),
}

import * as names from '../names.ts'
import { CODE, EXCEPTION, REQUEST, type Carries } from './carries.ts'

export interface LogEventInfo extends Carries {
  readonly event: string
  readonly severity: readonly ('INFO' | 'WARN' | 'ERROR')[]
  readonly brief: string
}

const IDS = [names.TRACE_ID, names.SPAN_ID, names.TRACE_SAMPLED]
const TASK = [names.TASK_NAME, names.TASK_ID, names.ENGINE]
const ERROR = [names.ERROR_TYPE, names.ERROR_FINGERPRINT, ...EXCEPTION]
const THROWN = [...ERROR, ...CODE]
type Severity = LogEventInfo['severity']
type Says = Pick<LogEventInfo, 'brief' | 'always' | 'sometimes'>
/** The line of how an attempt, or a task without one, ended. */
const ended = (event: string, severity: Severity, { brief, ...carries }: Says): LogEventInfo => ({
  event,
  severity,
  brief,
  always: [names.EVENT_NAME, ...TASK, names.TASK_ATTEMPT, names.TASK_OUTCOME, ...carries.always],
  sometimes: [
    names.TASK_RUN_TIME,
    names.TASK_WAIT_TIME,
    names.TASK_MAX_ATTEMPTS,
    names.TASK_LOST_CLAIMS,
    ...carries.sometimes,
    ...REQUEST,
    ...IDS,
  ],
})
const REASON: Carries = { always: [names.TASK_REASON], sometimes: THROWN }
const event = (name: string, severity: Severity, { brief, ...carries }: Says): LogEventInfo => ({
  event: name,
  severity,
  brief,
  always: [names.EVENT_NAME, ...carries.always],
  sometimes: carries.sometimes,
})
const { LOG_EVENTS } = names

export const LOGS: readonly LogEventInfo[] = [
  ended(LOG_EVENTS.completed, ['INFO', 'WARN'], {
    brief: 'A task completed; WARN if middleware swallowed its error.',
    always: [],
    sometimes: THROWN,
  }),
  ended(LOG_EVENTS.exception, ['ERROR', 'WARN'], {
    brief: 'An attempt failed or timed out; WARN if another follows.',
    always: [],
    sometimes: [names.TASK_RETRY_DELAY, names.TASK_REASON, ...THROWN],
  }),
  ended(LOG_EVENTS.discarded, ['INFO'], {
    brief: 'A task ended by an expected error, or said that it is pointless.',
    ...REASON,
  }),
  ended(LOG_EVENTS.cancelled, ['INFO'], { brief: 'A task was cancelled.', ...REASON }),
  ended(LOG_EVENTS.skipped, ['WARN'], {
    brief: 'What it comes after did not complete, or its `runOn` did not fit.',
    ...REASON,
  }),
  ended(LOG_EVENTS.dropped, ['ERROR'], { brief: 'A task expired, or its engine did not take it.', ...REASON }),
  ended(LOG_EVENTS.interrupted, ['ERROR', 'WARN'], {
    brief: 'The drain deadline came before a task ended; WARN if its engine is durable and has it back.',
    ...REASON,
  }),
  ended(LOG_EVENTS.handed_over, ['INFO'], {
    brief: 'A durable engine has stored a task: it has ended in this process.',
    always: [],
    sometimes: [],
  }),
  event(LOG_EVENTS.rejected, ['WARN', 'ERROR'], {
    brief: 'An `add()` was refused; ERROR if a durable engine did not store it.',
    always: TASK,
    sometimes: [names.ERROR_TYPE, names.TASK_REASON, ...REQUEST],
  }),
  event(LOG_EVENTS.stuck, ['ERROR'], {
    brief: 'A task ignored its aborted signal and was let go.',
    always: [...TASK, names.TASK_RUN_TIME],
    sometimes: [...REQUEST, ...IDS],
  }),
  event(LOG_EVENTS.late_completion, ['WARN'], {
    brief: 'A task that was let go ended after all, or failed; nothing changes.',
    always: [...TASK, names.TASK_RUN_TIME],
    sometimes: [...EXCEPTION, names.ERROR_FINGERPRINT, ...CODE, ...REQUEST, ...IDS],
  }),
  event(LOG_EVENTS.blocked, ['WARN'], {
    brief: 'The event loop was blocked by this task, or while the candidates ran.',
    always: [names.TASK_BLOCKED_TIME],
    sometimes: [...TASK, names.TASK_CANDIDATES, ...REQUEST, ...IDS],
  }),
  event(LOG_EVENTS.stray_error, ['ERROR'], {
    brief: 'An error escaped a task.',
    always: [...TASK, names.STRAY_CONTAINED, ...ERROR],
    sometimes: [...CODE, ...REQUEST, ...IDS],
  }),
  event(LOG_EVENTS.held_too_long, ['WARN'], {
    brief: 'A response does not settle; its tasks start now.',
    always: [names.REQUEST_HOLD_TIME, names.SUBMITTED_COUNT],
    sometimes: REQUEST,
  }),
  event(LOG_EVENTS.waits_for_itself, ['ERROR'], {
    brief: 'A handler waits for a task that starts after its response.',
    always: TASK,
    sometimes: [...REQUEST, ...IDS],
  }),
  event(LOG_EVENTS.mounted_below, ['WARN'], {
    brief: '`tasks.middleware()` is not the first `app.use()`.',
    always: [names.MOUNTED_ABOVE],
    sometimes: [],
  }),
  event(LOG_EVENTS.unfinished, ['ERROR'], {
    brief: 'The process ends, and accepted tasks have not.',
    always: [names.UNFINISHED_COUNT, names.UNFINISHED_NAMES, names.UNFINISHED_STATES],
    sometimes: [],
  }),
  event(LOG_EVENTS.unknown_task, ['WARN'], {
    brief: 'A stored task that this process does not know, or that another version stored; it is kept. Once per name.',
    always: [names.TASK_NAME, names.ENGINE, names.TASK_REASON],
    sometimes: [],
  }),
  event(LOG_EVENTS.not_durable, ['WARN'], {
    brief: 'The default engine is durable and this is a function, which cannot be stored. Once.',
    always: [names.TASK_NAME],
    sometimes: [],
  }),
  event(LOG_EVENTS.drain, ['INFO', 'WARN'], {
    brief: 'The runner drains; WARN once it aborts what has not ended.',
    always: [names.DRAIN_STAGE, names.DRAIN_IN_FLIGHT],
    sometimes: [],
  }),
  event(LOG_EVENTS.drained, ['INFO', 'ERROR'], {
    brief: 'The runner has drained; ERROR if it interrupted tasks.',
    always: [names.DRAIN_SETTLED, names.DRAIN_INTERRUPTED, names.DRAIN_TIME],
    sometimes: [names.DRAIN_HANDED_OVER, names.DRAIN_INTERRUPTED_NAMES, names.DRAIN_INTERRUPTED_IDS],
  }),
  event(LOG_EVENTS.failure_of_our_own, ['ERROR'], {
    brief: 'A hook, observer, engine or the runner itself failed.',
    always: ERROR,
    sometimes: [...CODE, ...TASK, ...REQUEST, ...IDS],
  }),
]

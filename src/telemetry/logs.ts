import { context, isSpanContextValid, trace } from '@opentelemetry/api'
import type { Context } from '@opentelemetry/api'
import { errorOf } from '../core/outcome.ts'
import type { RunnerEvent, SubmissionResult, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, Logger, Outcome, TaskContext, TaskRecord } from '../core/task.ts'
import { requestAttributes } from './attributes.ts'
import { errorType, exceptionFacts, fingerprint } from './exceptions.ts'
import * as names from './names.ts'

type Fields = Record<string, unknown>
type Level = 'info' | 'warn' | 'error'
type Line = readonly [level: Level, event: string, message: string]

const { LOG_EVENTS } = names

/** One line per outcome, through the user's own logger, with the ids of the attempt's span in it. */
export class Logs implements TaskObserver {
  readonly name = 'logs'
  readonly #logger: Logger
  readonly #children = new Map<string, Logger>()
  #level: string | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  submitted(record: TaskRecord, result: SubmissionResult, error?: Error): void {
    if (result !== 'rejected') return
    const fields = {
      ...recordFields(record),
      ...(error && { [names.ERROR_TYPE]: errorType(error), [names.TASK_REASON]: error.message }),
    }
    this.#write(['warn', LOG_EVENTS.rejected, 'task rejected'], fields)
  }

  attempted(task: TaskContext, outcome: AttemptOutcome, runMs: number): void {
    const line = lineOf(outcome)
    if (this.#logger.isLevelEnabled?.(line[0]) === false) return
    const { id, request } = task.record
    const fields: Fields = {
      [names.TASK_ID]: id,
      [names.TASK_ATTEMPT]: task.attempt,
      [names.TASK_RUN_TIME]: names.seconds(runMs),
      [names.TASK_WAIT_TIME]: names.seconds(task.waitMs),
    }
    if (request) Object.assign(fields, requestAttributes(request))
    if (task.maxAttempts > 1) fields[names.TASK_MAX_ATTEMPTS] = task.maxAttempts
    if (outcome.outcome !== 'completed' || outcome.handled) addFailure(fields, outcome)
    const logger = this.#bound(task, outcome, line)
    const active = task.trace as Context | undefined
    const spanContext = active && trace.getSpanContext(active)
    if (!spanContext) return logger[line[0]](fields, line[2])
    fields['trace_id'] = spanContext.traceId
    fields['span_id'] = spanContext.spanId
    // In the attempt's context, so that a mixin or instrumentation of the logger finds the same span.
    if (context.active() === active) logger[line[0]](fields, line[2])
    else context.with(active, () => logger[line[0]](fields, line[2]))
  }

  /** What is the same in all lines of a task that ends like this is written once, into a child of the logger. */
  #bound({ name, engine }: TaskContext, { outcome }: AttemptOutcome, [, event]: Line): Logger {
    if (this.#logger.level !== this.#level) this.#children.clear()
    this.#level = this.#logger.level
    const key = `${event} ${outcome} ${name}`
    let child = this.#children.get(key)
    if (!child) {
      const bindings = {
        [names.EVENT_NAME]: event,
        [names.TASK_NAME]: name,
        [names.ENGINE]: engine,
        [names.TASK_OUTCOME]: outcome,
      }
      child = childOf(this.#logger, bindings)
      if (this.#children.size < MAX_CHILDREN) this.#children.set(key, child)
    }
    return child
  }

  settled(record: TaskRecord, outcome: Outcome, byAttempt: boolean): void {
    if (byAttempt) return
    const fields = recordFields(record)
    fields[names.TASK_ATTEMPT] = outcome.attempts
    fields[names.TASK_OUTCOME] = outcome.outcome
    addFailure(fields, outcome)
    this.#writeIn(isContext(record.trace) ? record.trace : undefined, lineOf(outcome), fields)
  }

  event(event: RunnerEvent): void {
    const fields: Fields = 'record' in event && event.record ? recordFields(event.record) : {}
    switch (event.type) {
      case 'stuck':
        fields[names.TASK_RUN_TIME] = names.seconds(event.afterMs)
        return this.#write(event.killed ? KILLED : STUCK, fields)
      case 'late_completion':
        fields[names.TASK_RUN_TIME] = names.seconds(event.afterMs)
        return this.#write(
          ['warn', LOG_EVENTS.late_completion, 'task ended after it was let go; nothing changes'],
          fields,
        )
      case 'stray_error':
        fields[names.STRAY_CONTAINED] = event.contained
        addException(fields, event.error)
        return this.#write(event.contained ? CONTAINED : STRAY, fields)
      case 'blocked':
        fields[names.TASK_RUN_TIME] = names.seconds(event.blockedMs)
        if (!event.record) fields[names.TASK_CANDIDATES] = event.candidates.slice(0, 10).map(({ name }) => name)
        return this.#write(event.record ? BLOCKED : BLOCKED_BY_SOMEBODY, fields)
      case 'held_too_long':
        Object.assign(fields, requestAttributes(event.request))
        fields[names.REQUEST_HOLD_TIME] = names.seconds(event.heldMs)
        fields[names.SUBMITTED_COUNT] = event.tasks
        return this.#write(['warn', LOG_EVENTS.held_too_long, 'response does not settle; its tasks start now'], fields)
      case 'waits_for_itself':
        return this.#write(['error', LOG_EVENTS.waits_for_itself, event.error.message], fields)
      case 'failure_of_our_own':
        addException(fields, event.error)
        return this.#write(
          ['error', LOG_EVENTS.failure_of_our_own, `${event.where} failed: ${event.error.message}`],
          fields,
        )
      case 'drain':
        fields[names.DRAIN_STAGE] = event.stage
        fields[names.DRAIN_IN_FLIGHT] = event.inFlight
        if (event.stage === 'aborting') return this.#write(ABORTING, fields)
        return event.inFlight > 0 ? this.#write(WAITING, fields) : undefined
      case 'drained':
        fields[names.DRAIN_SETTLED] = event.settled
        fields[names.DRAIN_INTERRUPTED] = event.interrupted.length
        fields[names.DRAIN_TIME] = names.seconds(event.durationMs)
        return this.#write(event.interrupted.length > 0 ? DRAINED_BADLY : DRAINED, fields)
      case 'progress':
        return undefined
      default:
        return event satisfies never
    }
  }

  /** With the ids of the span that stands for a task which never ran. */
  #writeIn(active: Context | undefined, line: Line, fields: Fields): void {
    const spanContext = active && trace.getSpanContext(active)
    if (!active || !spanContext || !isSpanContextValid(spanContext)) return this.#write(line, fields)
    fields['trace_id'] = spanContext.traceId
    fields['span_id'] = spanContext.spanId
    if (context.active() === active) this.#write(line, fields)
    else context.with(active, () => this.#write(line, fields))
  }

  #write([level, event, message]: Line, fields: Fields): void {
    fields[names.EVENT_NAME] = event
    this.#logger[level](fields, message)
  }
}

/** Task names times outcomes; an app that makes up names without end gets a child per line beyond. */
const MAX_CHILDREN = 1_000

const childOf = (logger: Logger, bindings: object): Logger => logger.child?.(bindings) ?? binding(logger, bindings)

/** A child for a logger that cannot make one. */
function binding(logger: Logger, bindings: object): Logger {
  const bound = (level: 'debug' | Level) => (fields: object | string, message?: string) =>
    typeof fields === 'string' ? logger[level](bindings, fields) : logger[level]({ ...bindings, ...fields }, message)
  const isLevelEnabled = (level: string) => logger.isLevelEnabled?.(level) ?? true
  return { debug: bound('debug'), info: bound('info'), warn: bound('warn'), error: bound('error'), isLevelEnabled }
}

/** What `task.log` binds. The ids of the span are not bound: a logger with a mixin would then print them twice. */
export const taskLogger = (logger: Logger, task: TaskContext): Logger =>
  childOf(logger, { [names.TASK_NAME]: task.name, [names.TASK_ID]: task.id, [names.TASK_ATTEMPT]: task.attempt })

function recordFields(record: TaskRecord): Fields {
  const fields: Fields = {
    [names.TASK_NAME]: record.name,
    [names.TASK_ID]: record.id,
    [names.ENGINE]: record.engine,
  }
  return record.request ? Object.assign(fields, requestAttributes(record.request)) : fields
}

function lineOf(outcome: AttemptOutcome): Line {
  switch (outcome.outcome) {
    case 'completed':
      return outcome.handled ? HANDLED : COMPLETED
    case 'failed':
      return FAILED
    case 'timed_out':
      return TIMED_OUT
    case 'retried':
      return RETRIED
    case 'discarded':
      return ['info', LOG_EVENTS.discarded, 'task discarded']
    case 'cancelled':
      return ['info', LOG_EVENTS.cancelled, 'task cancelled']
    case 'skipped':
      return ['warn', LOG_EVENTS.skipped, 'task skipped']
    case 'dropped':
      return ['error', LOG_EVENTS.dropped, 'task dropped']
    case 'interrupted':
      return ['error', LOG_EVENTS.interrupted, 'task interrupted']
    case 'handed_over':
      return ['info', LOG_EVENTS.completed, 'task handed over']
    default:
      return outcome satisfies never
  }
}

const WAITING: Line = ['info', LOG_EVENTS.drain, 'draining: waiting for tasks to end']
const ABORTING: Line = ['warn', LOG_EVENTS.drain, 'draining: aborting what has not ended']
const DRAINED: Line = ['info', LOG_EVENTS.drained, 'drained']
const DRAINED_BADLY: Line = ['error', LOG_EVENTS.drained, 'drained; some tasks were interrupted']
const STUCK: Line = ['error', LOG_EVENTS.stuck, 'task ignored its aborted signal and was let go']
const KILLED: Line = ['error', LOG_EVENTS.stuck, 'task ignored its aborted signal and its thread was ended']
const CONTAINED: Line = ['error', LOG_EVENTS.stray_error, 'a rejection that nobody handled escaped a task; contained']
const STRAY: Line = ['error', LOG_EVENTS.stray_error, 'an error escaped a task']
const BLOCKED: Line = ['warn', LOG_EVENTS.blocked, 'task blocked the event loop before its first await; use a thread']
const BLOCKED_BY_SOMEBODY: Line = ['warn', LOG_EVENTS.blocked, 'the event loop was blocked while these tasks ran']
const COMPLETED: Line = ['info', LOG_EVENTS.completed, 'task completed']
const HANDLED: Line = [
  'warn',
  LOG_EVENTS.completed,
  'task completed, but its handler threw and middleware swallowed it',
]
const FAILED: Line = ['error', LOG_EVENTS.exception, 'task failed']
const TIMED_OUT: Line = ['error', LOG_EVENTS.exception, 'task timed out']
const RETRIED: Line = ['warn', LOG_EVENTS.exception, 'task failed and will be retried']

function addFailure(fields: Fields, outcome: AttemptOutcome): void {
  if ('reason' in outcome) fields[names.TASK_REASON] = outcome.reason
  if (outcome.outcome === 'retried') fields[names.TASK_RETRY_DELAY] = names.seconds(outcome.afterMs)
  const error = outcome.outcome === 'completed' ? outcome.handled : errorOf(outcome)
  if (error) addException(fields, error)
}

/** Not the raw error: serialisers and bridges take its `code` for its type and lose its causes. */
function addException(fields: Fields, error: Error): void {
  const facts = exceptionFacts(error)
  fields[names.ERROR_TYPE] = facts.type
  fields[names.EXCEPTION_TYPE] = facts.type
  fields[names.EXCEPTION_MESSAGE] = facts.message
  fields[names.EXCEPTION_STACKTRACE] = facts.stacktrace
  fields[names.ERROR_FINGERPRINT] = fingerprint(facts)
}

const isContext = (value: unknown): value is Context => typeof (value as Context | undefined)?.getValue === 'function'

import { context, isSpanContextValid, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import type { Context } from '@opentelemetry/api'
import { TasksNotStoredError } from '../core/durable/errors.ts'
import type { RunnerEvent, SubmissionResult, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, Logger, Outcome, TaskContext, TaskRecord } from '../core/task.ts'
import { shortText } from '../core/text.ts'
import type { SpanIds } from '../core/tracing.ts'
import { codeAttributes, drainedAttributes, requestAttributes } from './attributes.ts'
import { errorType, type ExceptionFacts } from './exceptions.ts'
import { errorTypeOf, type Failures } from './failures.ts'
import * as lines from './log-lines.ts'
import { lineOf, type Level, type Line } from './log-lines.ts'
import * as names from './names.ts'
import { childOf, methodsOf } from './user-logger.ts'

type Fields = Record<string, unknown>

interface BoundLogger {
  readonly engine: string
  readonly logger: Logger
}

const { LOG_EVENTS } = names

/** One line per outcome, through the user's own logger, with the ids of the attempt's span in it. */
export class Logs implements TaskObserver {
  readonly name = 'logs'
  readonly #logger: Logger
  readonly #methods: Readonly<Record<Level, Level>>
  readonly #failures: Failures
  /** By the line, which goes with one outcome, and the task's name. */
  readonly #children = new Map<Line, Map<string, BoundLogger>>()
  #level: string | undefined

  /** @throws InvalidOptionError */
  constructor(logger: Logger, failures: Failures) {
    this.#logger = logger
    this.#methods = methodsOf(logger)
    this.#failures = failures
  }

  submitted(record: TaskRecord, result: SubmissionResult, error?: Error): void {
    if (result !== 'rejected') return
    const fields = recordFields(record)
    if (error) {
      fields[names.ERROR_TYPE] = errorType(error)
      fields[names.TASK_REASON] = this.#failures.messageOf(error)
    }
    this.#write(error instanceof TasksNotStoredError ? lines.NOT_STORED : lines.REJECTED, fields)
  }

  attempted(task: TaskContext, outcome: AttemptOutcome, runMs: number): void {
    const line = outcome.outcome === 'interrupted' && task.durable ? lines.GIVEN_BACK : lineOf(outcome)
    const method = this.#methods[line[0]]
    if (this.#logger.isLevelEnabled?.(method) === false) return
    const { id, request } = task.record
    const fields: Fields = {
      [names.TASK_ID]: id,
      [names.TASK_ATTEMPT]: task.attempt,
      [names.TASK_RUN_TIME]: names.seconds(runMs),
      [names.TASK_WAIT_TIME]: names.seconds(task.waitMs),
    }
    if (request) Object.assign(fields, requestAttributes(request))
    if (task.lostClaims > 0) fields[names.TASK_LOST_CLAIMS] = task.lostClaims
    if (task.maxAttempts > 1) fields[names.TASK_MAX_ATTEMPTS] = task.maxAttempts
    if (outcome.outcome !== 'completed' || outcome.handled) this.#addFailure(fields, outcome)
    const logger = this.#bound(task, outcome, line)
    const active = task.active as Context | undefined
    const spanContext = active && trace.getSpanContext(active)
    if (!spanContext) return logger[method](fields, line[2])
    addIds(fields, spanContext)
    // In the attempt's context, so that a mixin or instrumentation of the logger finds the same span.
    if (context.active() === active) logger[method](fields, line[2])
    else context.with(active, () => logger[method](fields, line[2]))
  }

  /** What is the same in all lines of a task that ends like this is written once, into a child of the logger. */
  #bound({ name, engine }: TaskContext, { outcome }: AttemptOutcome, line: Line): Logger {
    if (this.#logger.level !== this.#level) this.#children.clear()
    this.#level = this.#logger.level
    // By what is at hand, in two steps: a key put together of both would cost as much as the rest of this.
    let children = this.#children.get(line)
    if (!children) this.#children.set(line, (children = new Map<string, BoundLogger>()))
    const known = children.get(name)
    // A task that runs on several engines takes turns.
    if (known?.engine === engine) return known.logger
    const logger = childOf(this.#logger, {
      [names.EVENT_NAME]: line[1],
      [names.TASK_NAME]: name,
      [names.ENGINE]: engine,
      [names.TASK_OUTCOME]: outcome,
    })
    if (children.size < MAX_CHILDREN) children.set(name, { engine, logger })
    return logger
  }

  settled(record: TaskRecord, outcome: Outcome, byAttempt: boolean): void {
    if (byAttempt) return
    const fields = recordFields(record)
    fields[names.TASK_ATTEMPT] = outcome.attempts
    fields[names.TASK_OUTCOME] = outcome.outcome
    if (record.lostClaims) fields[names.TASK_LOST_CLAIMS] = record.lostClaims
    this.#addFailure(fields, outcome)
    this.#writeAbout(record, lineOf(outcome), fields)
  }

  event(event: RunnerEvent): void {
    const record = 'record' in event ? event.record : undefined
    const fields: Fields = record ? recordFields(record) : {}
    const write = (line: Line) => (record ? this.#writeAbout(record, line, fields) : this.#write(line, fields))
    switch (event.type) {
      case 'stuck':
        fields[names.TASK_RUN_TIME] = names.seconds(event.afterMs)
        return write(event.killed ? lines.KILLED : lines.STUCK)
      case 'late_completion':
        fields[names.TASK_RUN_TIME] = names.seconds(event.afterMs)
        if (event.error) addException(fields, this.#failures.ofError(event.error))
        return write(event.error ? lines.FAILED_LATE : lines.ENDED_LATE)
      case 'stray_error':
        fields[names.STRAY_CONTAINED] = event.contained
        addException(fields, this.#failures.ofError(event.error))
        fields[names.ERROR_TYPE] = errorType(event.error)
        return write(event.contained ? lines.CONTAINED : lines.STRAY)
      case 'blocked':
        fields[names.TASK_BLOCKED_TIME] = names.seconds(event.blockedMs)
        if (!event.record) fields[names.TASK_CANDIDATES] = event.candidates.slice(0, MAX_NAMES).map(({ name }) => name)
        return write(event.record ? lines.BLOCKED : lines.BLOCKED_BY_SOMEBODY)
      case 'held_too_long':
        Object.assign(fields, requestAttributes(event.request))
        fields[names.REQUEST_HOLD_TIME] = names.seconds(event.heldMs)
        fields[names.SUBMITTED_COUNT] = event.tasks
        return write(lines.HELD_TOO_LONG)
      case 'mounted_below':
        fields[names.MOUNTED_ABOVE] = event.above
        return write(lines.MOUNTED_BELOW)
      case 'unfinished':
        addUnfinished(fields, event)
        return write(lines.UNFINISHED)
      case 'unknown_task':
      case 'not_durable':
        return this.#writeOfName(event)
      case 'waits_for_itself':
        return write(['error', LOG_EVENTS.waits_for_itself, event.error.message])
      case 'failure_of_our_own': {
        const facts = this.#failures.ofError(event.error)
        addException(fields, facts)
        fields[names.ERROR_TYPE] = facts.type
        return write(['error', LOG_EVENTS.failure_of_our_own, `${event.where} failed: ${facts.message}`])
      }
      case 'drain':
        fields[names.DRAIN_STAGE] = event.stage
        fields[names.DRAIN_IN_FLIGHT] = event.inFlight
        if (event.stage === 'aborting') return write(lines.ABORTING)
        return event.inFlight > 0 ? write(lines.WAITING) : undefined
      case 'drained':
        Object.assign(fields, drainedAttributes(event))
        return write(event.interrupted.length > 0 ? lines.DRAINED_BADLY : lines.DRAINED)
      case 'progress':
        return undefined
      default:
        return event satisfies never
    }
  }

  /** Of a task that there is no record of. */
  #writeOfName(event: Extract<RunnerEvent, { readonly type: 'unknown_task' | 'not_durable' }>): void {
    const fields: Fields = { [names.TASK_NAME]: event.name }
    if (event.type === 'not_durable') return this.#write(lines.NOT_DURABLE, fields)
    fields[names.ENGINE] = event.engine
    fields[names.TASK_REASON] = shortText(event.reason)
    this.#write(lines.UNKNOWN_TASK, fields)
  }

  #addFailure(fields: Fields, outcome: AttemptOutcome): void {
    const reason = this.#failures.reasonOf(outcome)
    const type = errorTypeOf(outcome)
    const facts = this.#failures.of(outcome)
    if (reason !== undefined) fields[names.TASK_REASON] = reason
    if (outcome.outcome === 'retried') fields[names.TASK_RETRY_DELAY] = names.seconds(outcome.afterMs)
    if (type !== undefined) fields[names.ERROR_TYPE] = type
    if (facts) addException(fields, facts)
  }

  /** With the ids of its latest span, which may be the one that stands for never having run. */
  #writeAbout({ span }: TaskRecord, line: Line, fields: Fields): void {
    if (!span || !isSpanContextValid(span)) return this.#write(line, fields)
    addIds(fields, span)
    const active = trace.getSpanContext(context.active())
    if (active?.spanId === span.spanId) return this.#write(line, fields)
    context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => this.#write(line, fields))
  }

  #write([level, event, message]: Line, fields: Fields): void {
    fields[names.EVENT_NAME] = event
    this.#logger[this.#methods[level]](fields, message)
  }
}

/** A line that names tasks names so many. */
const MAX_NAMES = 10

type Unfinished = Extract<RunnerEvent, { readonly type: 'unfinished' }>

function addUnfinished(fields: Fields, { records, states }: Unfinished): void {
  fields[names.UNFINISHED_COUNT] = records.length
  fields[names.UNFINISHED_NAMES] = [...new Set(records.map(({ name }) => name))].slice(0, MAX_NAMES)
  fields[names.UNFINISHED_STATES] = Object.entries(states).flatMap(([state, count]) => (count > 0 ? [state] : []))
}

/** Task names, for each line; an app that makes up names without end gets a child per line beyond. */
const MAX_CHILDREN = 1_000

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

/** Nobody should look for a trace that no sampler kept. */
function addIds(fields: Fields, { traceId, spanId, traceFlags }: SpanIds): void {
  fields[names.TRACE_ID] = traceId
  fields[names.SPAN_ID] = spanId
  if (!(traceFlags & TraceFlags.SAMPLED)) fields[names.TRACE_SAMPLED] = false
}

/** Not the raw error: serialisers and bridges take its `code` for its type and lose its causes. */
function addException(fields: Fields, facts: ExceptionFacts): void {
  fields[names.EXCEPTION_TYPE] = facts.type
  fields[names.EXCEPTION_MESSAGE] = facts.message
  fields[names.EXCEPTION_STACKTRACE] = facts.stacktrace
  fields[names.ERROR_FINGERPRINT] = facts.fingerprint
  if (facts.position) Object.assign(fields, codeAttributes(facts.position))
}

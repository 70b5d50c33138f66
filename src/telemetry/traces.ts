import { context, isSpanContextValid, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Attributes, Context, Span } from '@opentelemetry/api'
import type { GateFacts, NotStored, RunnerEvent, Sending, SubmissionResult, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, TaskContext, TaskRecord } from '../core/task.ts'
import type { ActiveContext } from '../core/tracing.ts'
import {
  codeAttributes,
  exceptionAttributes,
  linksOf,
  locationOf,
  messagingAttributes,
  startAttributes,
} from './attributes.ts'
import { originFrom } from './carrier.ts'
import { drainSpan } from './drain-span.ts'
import { errorType } from './exceptions.ts'
import { errorTypeOf, isFailure, type Failures } from './failures.ts'
import * as names from './names.ts'
import { contextOf, NO_ORIGIN, type Origin } from './propagation.ts'
import { Relations, requestTraceOf, type RelationOptions } from './relations.ts'
import { sendSpans, type SendParts } from './sends.ts'
import { callSite, positionIn } from './source-position.ts'
import { CurrentTracer, type WatchTracer } from './tracer.ts'

export interface TraceOptions extends RelationOptions {
  /** Whether each span says which line called `add()`. */
  readonly addLocation: boolean
}

export interface TraceParts {
  readonly failures: Failures
  readonly tracing: TraceOptions
  readonly watch?: WatchTracer | undefined
  /** By engine, what it calls its queue. */
  readonly queues?: ReadonlyMap<string, string> | undefined
}

/** What is the same in all spans of a task. */
interface SameForTask {
  readonly spanName: string
  /** Where it is defined. */
  readonly code: Attributes | undefined
}

/** One CONSUMER span per attempt, child of the request's SERVER span or linked to it; and the facts of both on each other. */
export class Traces implements TaskObserver {
  readonly name = 'traces'
  readonly #tracer: CurrentTracer
  readonly #failures: Failures
  readonly #relations: Relations
  readonly #exceptionEvents = exceptionEvents(process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN'])
  readonly #addLocations: WeakMap<TaskRecord, string> | undefined
  readonly #same = new Map<string, SameForTask>()
  readonly #queues: ReadonlyMap<string, string>
  readonly #sends: SendParts

  constructor(version: string, { failures, tracing, watch, queues }: TraceParts) {
    this.#tracer = new CurrentTracer(version, watch)
    this.#failures = failures
    this.#relations = new Relations(tracing)
    this.#addLocations = tracing.addLocation ? new WeakMap() : undefined
    this.#queues = queues ?? new Map()
    this.#sends = {
      failures,
      originOf,
      relationOf: (record, origin) => this.#relations.ofSend(record, origin),
      addLocationOf: (record) => this.#addLocations?.get(record),
    }
  }

  submitted(record: TaskRecord, result: SubmissionResult): void {
    if (result === 'fetched') record.traceOrigin = originFrom(record.carrier)
    else if (result === 'rejected') this.#meets(record, false)
    else if (result === 'accepted' && !record.durable) this.adding(record)
  }

  /** A durable one is submitted only once it is stored; what it comes from is known now. */
  adding(record: TaskRecord): void {
    this.#meets(record, true)
    if (this.#addLocations) this.#noteAddLocation(this.#addLocations, record)
  }

  send(sending: Sending, next: () => Promise<NotStored>): Promise<NotStored> | undefined {
    const tracer = this.#tracer.get()
    return tracer && sendSpans(tracer, { sending, next }, this.#sends)
  }

  gate({ request, submitted, records, rejected }: GateFacts): void {
    const met = requestTraceOf(request)
    if (!met) return
    this.#relations.decide(met)
    const { span } = met
    met.span = undefined
    if (!span?.isRecording()) return
    span.setAttributes({
      [names.SUBMITTED_COUNT]: submitted,
      [names.SUBMITTED_NAMES]: [...new Set(records.map((record) => record.name))],
      [names.SUBMITTED_IDS]: records.map((record) => record.id),
      [names.REJECTED_COUNT]: rejected,
      ...(met.deferred && { [names.DEFERRED]: true }),
    })
  }

  attempt(task: TaskContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> | undefined {
    const tracer = this.#tracer.get()
    if (!tracer) return undefined
    const { record } = task
    const origin = originOf(record)
    this.#relations.starts(record)
    const relation = this.#relations.of(task, origin)
    const links = linksOf(record, origin, relation)
    const attributes = this.#startAttributes(record, task.attempt, relation)
    attributes[names.TASK_WAIT_TIME] = names.seconds(task.waitMs)
    const span = tracer.startSpan(
      this.#sameFor(record).spanName,
      { kind: SpanKind.CONSUMER, attributes, root: relation === 'link', ...(links.length > 0 && { links }) },
      contextOf(origin),
    )
    const own = span.spanContext()
    if (!span.isRecording() && !isSpanContextValid(own)) return next()
    const active = trace.setSpan(contextOf(origin), span)
    task.active = active
    record.span = own
    const ended = context.with(active, next)
    void ended.then((outcome) => this.#end(span, record, outcome))
    return ended
  }

  settled(record: TaskRecord, outcome: AttemptOutcome, byAttempt: boolean): void {
    // What was handed over did not fail to run: it runs elsewhere.
    const tracer = byAttempt || outcome.outcome === 'handed_over' ? undefined : this.#tracer.get()
    if (!tracer) return
    const origin = originOf(record)
    const relation = this.#relations.of(record, origin)
    const span = tracer.startSpan(
      this.#sameFor(record).spanName,
      {
        kind: SpanKind.CONSUMER,
        startTime: record.acceptedAt,
        // Not 0 if it was given up between two attempts.
        attributes: this.#startAttributes(record, outcome.attempts, relation),
        root: relation === 'link',
        links: linksOf(record, origin, relation),
      },
      contextOf(origin),
    )
    const own = span.spanContext()
    if (isSpanContextValid(own)) record.span = own
    this.#end(span, record, outcome)
  }

  event(event: RunnerEvent): void {
    if (event.type === 'stray_error')
      recordingIn(event.active)?.addEvent(names.LOG_EVENTS.stray_error, {
        [names.ERROR_TYPE]: errorType(event.error),
        [names.STRAY_CONTAINED]: event.contained,
      })
    else if (event.type === 'blocked')
      recordingIn(event.active)?.addEvent(names.LOG_EVENTS.blocked, {
        [names.TASK_BLOCKED_TIME]: names.seconds(event.blockedMs),
      })
    else if (event.type === 'drained') {
      const tracer = this.#tracer.get()
      if (tracer) drainSpan(tracer, event)
    }
  }

  #startAttributes(record: TaskRecord, attempt: number, relation: 'child' | 'link'): Attributes {
    const attributes = startAttributes(record, attempt, relation)
    const addLocation = this.#addLocations?.get(record)
    if (addLocation) attributes[names.TASK_ADD_LOCATION] = addLocation
    if (!record.durable) return attributes
    return Object.assign(
      attributes,
      messagingAttributes(record, this.#queues.get(record.engine) ?? record.engine, 'run'),
    )
  }

  /** What it comes from, in whose async context this is. */
  #meets(record: TaskRecord, taken: boolean): void {
    const { request } = record
    const active = context.active()
    if (request && record.depth === 0) {
      const met = requestTraceOf(request) ?? this.#relations.meet(request, record, active)
      if (taken) record.traceOrigin = this.#relations.ofRequest(record, met)
    } else if (taken) record.traceOrigin = this.#relations.ofActive(record, active)
  }

  #sameFor({ label, definedAt }: TaskRecord): SameForTask {
    let same = this.#same.get(label)
    if (!same) {
      const position = positionIn(definedAt?.stack ?? '')
      same = { spanName: names.runSpanName(label), code: position && codeAttributes(position) }
      this.#same.set(label, same)
    }
    return same
  }

  #noteAddLocation(addLocations: WeakMap<TaskRecord, string>, record: TaskRecord): void {
    const position = callSite()
    if (position) addLocations.set(record, locationOf(position))
  }

  #end(span: Span, record: TaskRecord, outcome: AttemptOutcome): void {
    if (span.isRecording()) {
      span.setAttribute(names.TASK_OUTCOME, outcome.outcome)
      if (outcome.outcome !== 'completed' || outcome.handled) {
        // Not on each span: a task that does what it should is not looked for in the code.
        const { code } = this.#sameFor(record)
        if (code) span.setAttributes(code)
        this.#endBadly(span, outcome)
      }
    }
    span.end()
  }

  #endBadly(span: Span, outcome: AttemptOutcome): void {
    const type = errorTypeOf(outcome)
    const reason = this.#failures.reasonOf(outcome)
    if (type !== undefined) span.setAttribute(names.ERROR_TYPE, type)
    if (reason !== undefined) span.setAttribute(names.TASK_REASON, reason)
    if (outcome.outcome === 'completed') span.setAttribute(names.TASK_ERROR_HANDLED, true)
    if (outcome.outcome === 'retried') span.setAttribute(names.TASK_RETRY_DELAY, names.seconds(outcome.afterMs))
    if (type === undefined) return
    const facts = this.#failures.of(outcome)
    if (facts?.position) span.setAttribute(names.ERROR_LOCATION, locationOf(facts.position))
    if (!isFailure(outcome)) return
    span.setStatus({ code: SpanStatusCode.ERROR, message: facts?.message ?? reason ?? type })
    if (facts && this.#exceptionEvents) span.addEvent('exception', exceptionAttributes(facts))
  }
}

const originOf = (record: TaskRecord): Origin => (record.traceOrigin as Origin | undefined) ?? NO_ORIGIN

function recordingIn(active: ActiveContext | undefined): Span | undefined {
  const span = active && trace.getSpan(active as Context)
  return span?.isRecording() ? span : undefined
}

/** `logs`, which is the default, says exceptions in log lines alone; `logs/dup` on spans as well. */
const exceptionEvents = (optIn = ''): boolean =>
  optIn
    .split(',')
    .map((one) => one.trim())
    .includes('logs/dup')

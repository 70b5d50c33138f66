import { context, isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Context, Link, Span, SpanContext, Tracer, TracerProvider } from '@opentelemetry/api'
import { errorOf } from '../core/outcome.ts'
import type { GateFacts, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, RequestFacts, TaskContext, TaskRecord } from '../core/task.ts'
import { exceptionAttributes, startAttributes } from './attributes.ts'
import { errorType, messageOf } from './exceptions.ts'
import * as names from './names.ts'
import { causingSpan, contextOf, originOf, type Origin } from './propagation.ts'
import { currentProvider } from './provider.ts'

export interface TraceOptions {
  /** A task that may end later than this after its add gets a trace of its own; match the collector's decision wait. */
  readonly traceWindowMs: number
  /** A request that adds more tasks than this has all of them linked. */
  readonly maxChildren: number
}

export const DEFAULT_TRACE_OPTIONS: TraceOptions = { traceWindowMs: 60_000, maxChildren: 50 }

/** What is kept of a request, once for all of its tasks. */
interface RequestTrace extends Origin {
  /** Until the gate: it retains the request. */
  span: Span | undefined
  manyTasks: boolean
  deferred: boolean
}

const NO_ORIGIN: Origin = { spanContext: undefined, baggage: undefined, previous: undefined, context: ROOT_CONTEXT }

/** One CONSUMER span per attempt, child of the request's SERVER span or linked to it; and the facts of both on each other. */
export class Traces implements TaskObserver {
  readonly name = 'traces'
  readonly #version: string
  #provider: TracerProvider | undefined
  #tracer: Tracer | undefined
  readonly #options: TraceOptions
  readonly #exceptionEvents: boolean
  readonly #spanNames = new Map<string, string>()

  constructor(version: string, options: TraceOptions = DEFAULT_TRACE_OPTIONS) {
    this.#version = version
    this.#options = options
    this.#exceptionEvents = (process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN'] ?? '').split(',').includes('logs/dup')
  }

  submitted(record: TaskRecord, result: string): void {
    if (result !== 'accepted') return
    const { request } = record
    const active = context.active()
    if (!request || record.depth > 0) {
      if (active !== ROOT_CONTEXT) record.trace = originOf(trace.getSpan(active), active)
      return
    }
    const requestTrace = (request.trace ??= this.#requestTrace(record, request, active)) as RequestTrace
    record.trace = requestTrace
    requestTrace.deferred ||= this.#staticRelation(record) === 'link'
  }

  gate({ request, submitted, records, rejected }: GateFacts): void {
    const requestTrace = request.trace as RequestTrace | undefined
    const span = requestTrace?.span ?? (rejected > 0 ? causingSpan(context.active()) : undefined)
    if (requestTrace) {
      requestTrace.manyTasks = submitted > this.#options.maxChildren
      requestTrace.span = undefined
    }
    if (!span?.isRecording()) return
    span.setAttributes({
      [names.SUBMITTED_COUNT]: submitted,
      [names.SUBMITTED_NAMES]: [...new Set(records.map((record) => record.name))],
      [names.SUBMITTED_IDS]: records.map((record) => record.id),
      [names.REJECTED_COUNT]: rejected,
      ...((requestTrace?.manyTasks || requestTrace?.deferred) && { [names.DEFERRED]: true }),
    })
  }

  attempt(task: TaskContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> | undefined {
    const tracer = this.#currentTracer()
    if (!tracer) return undefined
    const origin = (task.record.trace as Origin | undefined) ?? NO_ORIGIN
    const relation = this.#relation(task)
    const links = linksOf(origin, relation)
    const attributes = startAttributes(task.record, task.attempt, relation)
    attributes[names.TASK_WAIT_TIME] = names.seconds(task.waitMs)
    const span = tracer.startSpan(
      this.#spanName(task.label),
      { kind: SpanKind.CONSUMER, attributes, root: relation === 'link', ...(links.length > 0 && { links }) },
      contextOf(origin),
    )
    const own = span.spanContext()
    if (!span.isRecording() && !isSpanContextValid(own)) return next()
    const active = trace.setSpan(contextOf(origin), span)
    task.trace = active
    const ended = context.with(active, next)
    void ended.then((outcome) => {
      if (outcome.outcome === 'retried') task.record.trace = { ...origin, previous: own } satisfies Origin
      this.#end(span, outcome)
    })
    return ended
  }

  settled(record: TaskRecord, outcome: AttemptOutcome, byAttempt: boolean): void {
    const tracer = byAttempt ? undefined : this.#currentTracer()
    if (!tracer) return
    const origin = (record.trace as Origin | undefined) ?? NO_ORIGIN
    const relation = this.#relation(record)
    const span = tracer.startSpan(
      this.#spanName(record.label),
      {
        kind: SpanKind.CONSUMER,
        startTime: record.acceptedAt,
        // Not 0 if it was given up between two attempts.
        attributes: startAttributes(record, outcome.attempts, relation),
        root: relation === 'link',
        links: linksOf(origin, relation),
      },
      contextOf(origin),
    )
    record.trace = trace.setSpan(contextOf(origin), span)
    if (span.isRecording()) this.#end(span, outcome)
  }

  /** Without an SDK none: a span would cost little, but the promise round the attempt does not. */
  #currentTracer(): Tracer | undefined {
    const provider = currentProvider()
    if (provider !== this.#provider) {
      this.#provider = provider
      this.#tracer = provider?.getTracer(names.SCOPE_NAME, this.#version)
    }
    return this.#tracer
  }

  #end(span: Span, outcome: AttemptOutcome): void {
    if (span.isRecording()) {
      span.setAttribute(names.TASK_OUTCOME, outcome.outcome)
      if (outcome.outcome !== 'completed' || outcome.handled) this.#endBadly(span, outcome)
    }
    span.end()
  }

  #endBadly(span: Span, outcome: AttemptOutcome): void {
    if (outcome.outcome === 'completed') {
      span.setAttribute(names.TASK_ERROR_HANDLED, true)
      if (outcome.handled) span.setAttribute(names.ERROR_TYPE, errorType(outcome.handled))
      return
    }
    if ('reason' in outcome) span.setAttribute(names.TASK_REASON, outcome.reason)
    if (outcome.outcome === 'retried') span.setAttribute(names.TASK_RETRY_DELAY, names.seconds(outcome.afterMs))
    const error = errorOf(outcome)
    if (!FAILURES.has(outcome.outcome) || (outcome.outcome === 'retried' && !error)) return
    span.setAttribute(names.ERROR_TYPE, error ? errorType(error) : outcome.outcome)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error ? messageOf(error) : reasonOf(outcome) })
    if (error && this.#exceptionEvents) span.addEvent('exception', exceptionAttributes(error))
  }

  #requestTrace({ late }: TaskRecord, request: RequestFacts, active: Context): RequestTrace {
    const span = causingSpan(active)
    const origin = originOf(span, active)
    Object.assign(request, { traceId: origin.spanContext?.traceId, spanId: origin.spanContext?.spanId })
    return {
      spanContext: origin.spanContext,
      baggage: origin.baggage,
      previous: undefined,
      context: undefined,
      span: late || request.response ? undefined : span,
      manyTasks: false,
      deferred: false,
    }
  }

  /** Decided by what was known when the request's gate opened; an attempt that starts after the window links in any case. */
  #relation(record: TaskRecord): 'child' | 'link' {
    const fixed = this.#staticRelation(record)
    if (fixed === 'link' || record.settings.relation === 'child') return fixed
    const many = (record.request?.trace as RequestTrace | undefined)?.manyTasks
    return many || record.ageMs > this.#options.traceWindowMs ? 'link' : 'child'
  }

  #staticRelation({ settings, late, delayMs }: TaskRecord): 'child' | 'link' {
    if (settings.relation !== 'auto') return settings.relation
    return late || delayMs > 0 || settings.timeoutMs > this.#options.traceWindowMs ? 'link' : 'child'
  }

  #spanName(label: string): string {
    let name = this.#spanNames.get(label)
    if (name === undefined) this.#spanNames.set(label, (name = names.runSpanName(label)))
    return name
  }
}

const FAILURES: ReadonlySet<string> = new Set(['failed', 'retried', 'timed_out', 'dropped', 'interrupted'])

const reasonOf = (outcome: AttemptOutcome): string => ('reason' in outcome ? outcome.reason : outcome.outcome)

function linksOf({ spanContext, previous }: Origin, relation: string): Link[] {
  const links: Link[] = []
  if (relation === 'link' && spanContext) links.push(linkTo(spanContext, 'request'))
  if (previous) links.push(linkTo(previous, 'previous_attempt'))
  return links
}

const linkTo = (spanContext: SpanContext, type: string): Link => ({
  context: spanContext,
  attributes: { [names.LINK_TYPE]: type },
})

import { isSpanContextValid, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Attributes, Context, Span } from '@opentelemetry/api'
import type { RequestFacts, ResolvedSettings, TaskRecord } from '../core/task.ts'
import { causingSpan, NO_ORIGIN, type Origin } from './propagation.ts'

export interface RelationOptions {
  /** A task that may end later than this after its add gets a trace of its own; match the collector's decision wait. */
  readonly traceWindowMs: number
  /** A request, or a task, that adds more tasks than this has them linked. */
  readonly maxChildren: number
}

export const DEFAULT_RELATION_OPTIONS: RelationOptions = { traceWindowMs: 60_000, maxChildren: 50 }

export type Relation = 'child' | 'link'

/** What is kept of a request, once for all of its tasks: it is the origin of each of them. */
export interface RequestTrace extends Origin {
  linked: boolean
  readonly since: number
  /** Until the gate: it retains the request. */
  span: Span | undefined
  added: number
  /** Whether `linked` is final. */
  decided: boolean
  /** A task of it links, or may outlive the window. */
  deferred: boolean
  /** The request's facts as attributes, once they are final. */
  attributes: Attributes | undefined
}

export const requestTraceOf = (request: RequestFacts): RequestTrace | undefined =>
  request.trace as RequestTrace | undefined

/**
 * Whether a task is a child of what added it, or has a trace of its own with a link to that. Decided for all tasks of a
 * request at once: when its gate opens, which is before any of them starts.
 */
export class Relations {
  readonly #options: RelationOptions
  readonly #children = new WeakMap<Span, number>()

  constructor(options: RelationOptions) {
    this.#options = options
  }

  /** The first add of a request, accepted or not, while its span still records. */
  meet(request: RequestFacts, record: TaskRecord, active: Context): RequestTrace {
    const span = causingSpan(active)
    const spanContext = span?.spanContext()
    const met: RequestTrace = {
      spanContext,
      baggage: propagation.getBaggage(active),
      linked: false,
      context: undefined,
      // Whole, since there are as many as waiting requests and a fraction costs each an object.
      since: Math.round(record.acceptedAt - performance.timeOrigin),
      span: record.late || request.response ? undefined : span,
      added: 0,
      decided: false,
      deferred: false,
      attributes: undefined,
    }
    request.trace = met
    return met
  }

  /** Of a task that its request added. */
  ofRequest(record: TaskRecord, request: RequestTrace): Origin {
    if (record.late) return { ...apart(request), baggage: undefined }
    request.added++
    request.deferred ||= this.#mayOutlive(record)
    if (!request.decided || request.linked || request.added <= this.#options.maxChildren) return request
    request.deferred = true
    return apart(request)
  }

  /** Of a task that another task added, or code outside of requests. */
  ofActive(record: TaskRecord, active: Context): Origin {
    if (active === ROOT_CONTEXT) return NO_ORIGIN
    const span = trace.getSpan(active)
    const baggage = propagation.getBaggage(active)
    const spanContext = span?.spanContext()
    if (!span || !spanContext || !isSpanContextValid(spanContext)) return { ...NO_ORIGIN, baggage, context: undefined }
    const children = (this.#children.get(span) ?? 0) + 1
    this.#children.set(span, children)
    const request = record.request && requestTraceOf(record.request)
    const joins = request?.spanContext?.traceId === spanContext.traceId
    return {
      spanContext,
      baggage,
      linked: children > this.#options.maxChildren,
      olderMs: joins && request ? record.acceptedAt - performance.timeOrigin - request.since : 0,
      context: undefined,
    }
  }

  /** A task may start before the gate of its request, by `release()`. */
  starts({ request, depth }: TaskRecord): void {
    if (depth > 0 || !request) return
    const met = requestTraceOf(request)
    if (met && !met.decided) this.decide(met)
  }

  /** At the gate of a request. */
  decide(request: RequestTrace): void {
    if (request.decided) return
    request.decided = true
    request.linked = request.added > this.#options.maxChildren
    request.deferred ||= request.linked
  }

  /** Of the span that begins now, at the age that the record has now. */
  of(record: TaskRecord, origin: Origin): Relation {
    if (this.#links(record)) return 'link'
    if (record.settings.relation === 'child') return 'child'
    return origin.linked || record.ageMs + (origin.olderMs ?? 0) > this.#options.traceWindowMs ? 'link' : 'child'
  }

  /** Of the span that stands for a task's way into its store: that is part of what added it, and never takes long. */
  ofSend({ late, depth, request }: TaskRecord, origin: Origin): Relation {
    const added = depth === 0 && request ? (requestTraceOf(request)?.added ?? 0) : 0
    return (late && depth === 0) || origin.linked || added > this.#options.maxChildren ? 'link' : 'child'
  }

  #links({ settings, late, depth, delayMs, durable }: TaskRecord): boolean {
    if (late && depth === 0) return true
    if (settings.relation !== 'auto') return settings.relation === 'link'
    return durable === true || delayMs > 0 || settings.timeoutMs > this.#options.traceWindowMs
  }

  /** With all of its attempts, and what it directly waits for; the time in the queue is known to nobody yet. */
  #mayOutlive(record: TaskRecord): boolean {
    if (this.#links(record)) return true
    const window = this.#options.traceWindowMs
    const own = longest(record.settings, window)
    if (!record.after) return own > window
    return own + Math.max(...record.after.map(({ settings }) => longest(settings, window))) > window
  }
}

const apart = ({ spanContext, baggage }: Origin): Origin => ({
  spanContext,
  baggage,
  linked: true,
  olderMs: 0,
  context: undefined,
})

/** How long a task may take from start to end, in milliseconds; not looked at further than `enough`. */
function longest({ timeoutMs, retry }: ResolvedSettings, enough: number): number {
  let ms = timeoutMs
  for (let attempt = 1; attempt < retry.attempts && ms <= enough; attempt++) {
    const delayMs = retry.backoff === 'fixed' ? retry.baseDelayMs : retry.baseDelayMs * 2 ** (attempt - 1)
    ms += Math.min(retry.maxDelayMs, delayMs) + timeoutMs
  }
  return ms
}

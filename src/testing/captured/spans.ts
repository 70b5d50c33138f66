import { randomBytes } from 'node:crypto'
import { context, isSpanContextValid, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import type {
  Attributes,
  AttributeValue,
  Context,
  Link,
  Span,
  SpanContext,
  SpanOptions,
  SpanStatus,
  Tracer,
} from '@opentelemetry/api'

/** A span of a task, as exporters get it. */
export interface CapturedSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Readonly<Attributes>
  readonly status: SpanStatus
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Attributes> }[]
  readonly links: readonly Link[]
  readonly traceId: string
  readonly spanId: string
  /** Undefined for the root of a trace. */
  readonly parentSpanId: string | undefined
  readonly ended: boolean
}

/** Writes down what is said of a span, and says it to the span of the SDK, too, if there is one. */
class SpySpan implements Span, CapturedSpan {
  name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
  status: SpanStatus = { code: SpanStatusCode.UNSET }
  readonly events: { name: string; attributes: Attributes }[] = []
  readonly links: Link[]
  readonly parentSpanId: string | undefined
  ended = false
  readonly #context: SpanContext
  readonly #real: Span | undefined

  constructor(name: string, { kind = SpanKind.INTERNAL, attributes = {}, links = [], root }: SpanOptions, of: Origin) {
    const parent = root ? undefined : trace.getSpanContext(of.context)
    const known = parent && isSpanContextValid(parent) ? parent : undefined
    const real = of.real?.spanContext()
    this.name = name
    this.kind = kind
    this.attributes = { ...attributes }
    this.links = [...links]
    this.parentSpanId = known?.spanId
    this.#real = of.real
    this.#context = real && isSpanContextValid(real) ? real : idsIn(known?.traceId)
  }

  get traceId(): string {
    return this.#context.traceId
  }
  get spanId(): string {
    return this.#context.spanId
  }
  spanContext(): SpanContext {
    return this.#context
  }
  isRecording(): boolean {
    return !this.ended
  }
  setAttribute(key: string, value: AttributeValue): this {
    this.attributes[key] = value
    this.#real?.setAttribute(key, value)
    return this
  }
  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes)
    this.#real?.setAttributes(attributes)
    return this
  }
  addEvent(...args: Parameters<Span['addEvent']>): this {
    const [name, attributes] = args
    const given = typeof attributes === 'object' && !Array.isArray(attributes) && !(attributes instanceof Date)
    this.events.push({ name, attributes: given ? { ...attributes } : {} })
    this.#real?.addEvent(...args)
    return this
  }
  addLink(link: Link): this {
    this.links.push(link)
    this.#real?.addLink(link)
    return this
  }
  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link)
    return this
  }
  setStatus(status: SpanStatus): this {
    this.status = status
    this.#real?.setStatus(status)
    return this
  }
  updateName(name: string): this {
    this.name = name
    this.#real?.updateName(name)
    return this
  }
  recordException(...args: Parameters<Span['recordException']>): void {
    this.#real?.recordException(...args)
  }
  end(...args: Parameters<Span['end']>): void {
    this.ended = true
    this.#real?.end(...args)
  }
}

interface Origin {
  readonly context: Context
  readonly real: Span | undefined
}

const idsIn = (traceId = randomBytes(16).toString('hex')): SpanContext => ({
  traceId,
  spanId: randomBytes(8).toString('hex'),
  traceFlags: TraceFlags.SAMPLED,
})

/** A tracer that keeps its spans in `spans`, whether or not there is an SDK. */
export function spyTracer(spans: CapturedSpan[], real: Tracer | undefined): Tracer {
  const startSpan: Tracer['startSpan'] = (name, options = {}, active = context.active()) => {
    const span = new SpySpan(name, options, { context: active, real: real?.startSpan(name, options, active) })
    spans.push(span)
    return span
  }
  const startActiveSpan = (name: string, ...rest: readonly unknown[]): unknown => {
    const run = rest.at(-1) as (span: Span) => unknown
    const [options, active] = rest.slice(0, -1) as [SpanOptions?, Context?]
    const from = active ?? context.active()
    const span = startSpan(name, options, from)
    return context.with(trace.setSpan(from, span), run, undefined, span)
  }
  return { startSpan, startActiveSpan }
}

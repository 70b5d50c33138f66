import { randomBytes } from 'node:crypto'
import { context, createContextKey, isSpanContextValid, SpanKind, trace, TraceFlags } from '@opentelemetry/api'
import type {
  Attributes,
  AttributeValue,
  Context,
  Exception,
  Link,
  Span,
  SpanContext,
  SpanOptions,
  SpanStatus,
  TimeInput,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api'
import { exceptionAttributes } from './attributes.ts'
import { exceptionFacts } from './exceptions.ts'
import { plain, type ShippedSpan } from './thread-carrier.ts'

/** In a job's context: where the spans go that are made in it. */
export const SHIP = createContextKey('koa-afterglow ship')
type Ship = (span: ShippedSpan) => void

/** Makes spans that are plain data and leave the thread when they end. Sampled is what comes from a sampled attempt. */
export class ShippingTracerProvider implements TracerProvider {
  getTracer(name: string, version?: string): Tracer {
    return new ShippingTracer({ name, version })
  }
}

class ShippingTracer implements Tracer {
  readonly #scope: ShippedSpan['scope']

  constructor(scope: ShippedSpan['scope']) {
    this.#scope = scope
  }

  startSpan(name: string, options: SpanOptions = {}, given: Context = context.active()): Span {
    const above = options.root ? undefined : trace.getSpanContext(given)
    const parent = above && isSpanContextValid(above) ? above : undefined
    const ship = (given.getValue(SHIP) ?? context.active().getValue(SHIP)) as Ship | undefined
    // A root of its own is sampled as its attempt was; the SDK then decides again.
    const like = parent ?? trace.getSpanContext(context.active())
    const sampled = ship !== undefined && ((like?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0
    const own: SpanContext = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(parent?.traceState && { traceState: parent.traceState }),
    }
    if (!sampled) return trace.wrapSpanContext(own)
    return new ShippingSpan({ scope: this.#scope, name, options, own, parent, ship })
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const run = rest.at(-1) as F
    const options = (rest.length > 1 ? rest[0] : undefined) as SpanOptions | undefined
    const parent = (rest.length > 2 ? rest[1] : undefined) as Context | undefined
    const base = parent ?? context.active()
    const span = this.startSpan(name, options, base)
    return context.with(trace.setSpan(base, span), () => run(span) as ReturnType<F>)
  }
}

interface Begun {
  readonly scope: ShippedSpan['scope']
  readonly name: string
  readonly options: SpanOptions
  readonly own: SpanContext
  readonly parent: SpanContext | undefined
  readonly ship: Ship
}

class ShippingSpan implements Span {
  readonly #begun: Begun
  readonly #start: number
  readonly #attributes: Attributes
  readonly #links: ShippedSpan['links'][number][] = []
  readonly #events: ShippedSpan['events'][number][] = []
  #name: string
  #status: SpanStatus | undefined
  #ended = false

  constructor(begun: Begun) {
    const { name, options } = begun
    this.#begun = begun
    this.#name = name
    this.#attributes = { ...options.attributes }
    this.#start = epochMs(options.startTime)
    this.addLinks(options.links ?? [])
  }

  spanContext(): SpanContext {
    return this.#begun.own
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.#ended) this.#attributes[key] = value
    return this
  }

  setAttributes(attributes: Attributes): this {
    if (!this.#ended) Object.assign(this.#attributes, attributes)
    return this
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#ended) return this
    if (isTime(attributesOrTime)) this.#events.push({ name, attributes: {}, time: epochMs(attributesOrTime) })
    else this.#events.push({ name, attributes: { ...attributesOrTime }, time: epochMs(time) })
    return this
  }

  addLink({ context: spanContext, attributes = {} }: Link): this {
    if (!this.#ended) this.#links.push({ context: plain(spanContext), attributes: { ...attributes } })
    return this
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link)
    return this
  }

  setStatus(status: SpanStatus): this {
    if (!this.#ended) this.#status = { ...status }
    return this
  }

  updateName(name: string): this {
    if (!this.#ended) this.#name = name
    return this
  }

  isRecording(): boolean {
    return !this.#ended
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.addEvent('exception', exceptionAttributes(exceptionFacts(exception)), time)
  }

  end(endTime?: TimeInput): void {
    if (this.#ended) return
    this.#ended = true
    const { scope, options, own, parent, ship } = this.#begun
    ship({
      scope,
      name: this.#name,
      kind: options.kind ?? SpanKind.INTERNAL,
      own: plain(own),
      parent: parent && plain(parent),
      attributes: exportable(this.#attributes),
      links: this.#links.map((link) => ({ ...link, attributes: exportable(link.attributes) })),
      events: this.#events.map((event) => ({ ...event, attributes: exportable(event.attributes) })),
      status: this.#status,
      start: this.#start,
      end: Math.max(this.#start, epochMs(endTime)),
    })
  }
}

/** As an SDK does, it drops what is no attribute: a span must not fail the code that it is about. */
const exportable = (attributes: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => (Array.isArray(value) ? value.every(isScalar) : isScalar(value))),
  )
const isScalar = (value: unknown): boolean => value === null || /^(string|number|boolean)$/.test(typeof value)

const isDate = (value: unknown): value is Date => typeof (value as Date | undefined)?.getTime === 'function'

const isTime = (value: Attributes | TimeInput | undefined): value is TimeInput =>
  typeof value === 'number' || Array.isArray(value) || isDate(value)

/** Every form of the API's, in milliseconds since the epoch; threads count `performance.now()` from times of their own. */
function epochMs(time: TimeInput | undefined): number {
  if (time === undefined) return performance.timeOrigin + performance.now()
  if (isDate(time)) return time.getTime()
  if (typeof time === 'number') return time < performance.timeOrigin ? performance.timeOrigin + time : time
  return time[0] * 1_000 + time[1] / 1e6
}

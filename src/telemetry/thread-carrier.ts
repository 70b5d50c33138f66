// What of telemetry crosses between threads, as plain data: a span's place on the way there, finished spans on the way back.
import {
  baggageEntryMetadataFromString,
  context,
  createTraceState,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api'
import type { Attributes, Baggage, Context, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api'

/** A SpanContext without methods. */
export interface PlainSpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState?: string | undefined
}
type PlainBaggage = readonly (readonly [key: string, value: string, metadata: string | undefined])[]

export interface Carried {
  readonly span: PlainSpanContext | undefined
  readonly baggage: PlainBaggage
}

export interface ShippedSpan {
  readonly scope: { readonly name: string; readonly version: string | undefined }
  readonly name: string
  readonly kind: SpanKind
  readonly own: PlainSpanContext
  readonly parent: PlainSpanContext | undefined
  readonly attributes: Attributes
  readonly links: readonly { readonly context: PlainSpanContext; readonly attributes: Attributes }[]
  readonly events: readonly { readonly name: string; readonly attributes: Attributes; readonly time: number }[]
  readonly status: SpanStatus | undefined
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
}

export const plain = ({ traceId, spanId, traceFlags, traceState }: SpanContext): PlainSpanContext => ({
  traceId,
  spanId,
  traceFlags,
  traceState: traceState?.serialize(),
})

export function spanContextOf({ traceId, spanId, traceFlags, traceState }: PlainSpanContext): SpanContext {
  const own: SpanContext = { traceId, spanId, traceFlags }
  return traceState ? { ...own, traceState: createTraceState(traceState) } : own
}

/** Of the context that is active now; undefined if there is nothing in it. */
export function carry(active: Context = context.active()): Carried | undefined {
  const span = trace.getSpanContext(active)
  const baggage = propagation.getBaggage(active)
  if (!span && !baggage) return undefined
  return { span: span && plain(span), baggage: baggage ? entriesOf(baggage) : [] }
}

const entriesOf = (baggage: Baggage): PlainBaggage =>
  baggage.getAllEntries().map(([key, { value, metadata }]) => [key, value, metadata?.toString()] as const)

export function contextFrom({ span, baggage }: Carried): Context {
  const withSpan = span ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(span)) : ROOT_CONTEXT
  if (baggage.length === 0) return withSpan
  const entries = baggage.map(([key, value, metadata]) => {
    const entry = metadata === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(metadata) }
    return [key, entry] as const
  })
  return propagation.setBaggage(withSpan, propagation.createBaggage(Object.fromEntries(entries)))
}

import { context, createContextKey, isSpanContextValid, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Baggage, Context, Span, SpanContext } from '@opentelemetry/api'
import type { TraceOrigin } from '../core/tracing.ts'

/** Where http instrumentation keeps the SERVER span; the key is shared by `Symbol.for`, so no dependency on its core package. */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')

/** The request's SERVER span, or else whatever span is active: Koa's own instrumentation opens one per middleware. */
export function causingSpan(active: Context): Span | undefined {
  const rpc = active.getValue(RPC_METADATA) as { readonly span?: Span } | undefined
  const span = rpc?.span ?? trace.getSpan(active)
  return span && isSpanContextValid(span.spanContext()) ? span : undefined
}

/**
 * Where something comes from, by value: of the span just its ids, no request metadata, no suppression of tracing, so that
 * what waits in a queue retains nothing of the request.
 */
export interface Origin extends TraceOrigin {
  readonly spanContext: SpanContext | undefined
  readonly baggage: Baggage | undefined
  /** It is one of too many for one trace, or came too late for it. */
  readonly linked: boolean
  /** Milliseconds by which the trace it would join is older than the add. @default 0 */
  readonly olderMs?: number
  /** Made when the first attempt starts: it is larger than all of a task that waits. */
  context: Context | undefined
}

export const NO_ORIGIN: Origin = {
  spanContext: undefined,
  baggage: undefined,
  linked: false,
  olderMs: 0,
  context: ROOT_CONTEXT,
}

/** A context made of nothing but those values. */
export function contextOf(origin: Origin): Context {
  if (origin.context) return origin.context
  const { spanContext, baggage } = origin
  const withSpan = spanContext ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : ROOT_CONTEXT
  return (origin.context = baggage ? propagation.setBaggage(withSpan, baggage) : withSpan)
}

/** Runs `make` with OpenTelemetry's own async store blank. */
export const blanked = <R>(make: () => R): R =>
  context.active() === ROOT_CONTEXT ? make() : context.with(ROOT_CONTEXT, make)

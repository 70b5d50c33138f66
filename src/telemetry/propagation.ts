import { context, createContextKey, isSpanContextValid, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Context, Span } from '@opentelemetry/api'

/** Where http instrumentation keeps the SERVER span; the key is shared by `Symbol.for`, so no dependency on its core package. */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')

/** The request's SERVER span, or else whatever span is active: Koa's own instrumentation opens one per middleware. */
export function causingSpan(active: Context): Span | undefined {
  const rpc = active.getValue(RPC_METADATA) as { readonly span?: Span } | undefined
  const span = rpc?.span ?? trace.getSpan(active)
  return span && isSpanContextValid(span.spanContext()) ? span : undefined
}

/**
 * A context made of values only: no request metadata, no suppression of tracing, and of the span just its ids, so that
 * what waits in a queue retains nothing of the request.
 */
export function contextByValue(span: Span | undefined, active: Context): Context {
  const withSpan = span ? trace.setSpanContext(ROOT_CONTEXT, span.spanContext()) : ROOT_CONTEXT
  const baggage = propagation.getBaggage(active)
  return baggage ? propagation.setBaggage(withSpan, baggage) : withSpan
}

/** Runs `make` with OpenTelemetry's own async store blank. */
export const blanked = <R>(make: () => R): R =>
  context.active() === ROOT_CONTEXT ? make() : context.with(ROOT_CONTEXT, make)

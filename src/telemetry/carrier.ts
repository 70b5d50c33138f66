import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api'
import type { Origin } from './propagation.ts'

/** `traceparent` of W3C Trace Context, whatever version wrote it. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/

/**
 * Writes where a task comes from into what travels with it. By hand and not by the propagators of the application: what they
 * carry besides, such as baggage, is nobody else's to store.
 */
export function writeCarrier(
  carrier: Record<string, string>,
  { traceId, spanId, traceFlags, traceState }: SpanContext,
): void {
  carrier['traceparent'] = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  const state = traceState?.serialize()
  if (state) carrier['tracestate'] = state
}

/** Where a task that came out of a store was sent from, if that is known. */
export function originFrom(carrier: Readonly<Record<string, string>>): Origin {
  const { traceparent, tracestate } = carrier
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? []
  const sent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  const spanContext = tracestate ? { ...sent, traceState: createTraceState(tracestate) } : sent
  return {
    spanContext: isSpanContextValid(sent) ? spanContext : undefined,
    baggage: undefined,
    linked: false,
    olderMs: 0,
    context: undefined,
  }
}

import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Span } from '@opentelemetry/api'
import { carry, spanContextOf, type Carried, type PlainSpanContext, type ShippedSpan } from './thread-carrier.ts'

/** The main thread's side of telemetry on threads: it has the SDK, and does for a thread what that would do itself. */
export const threadTelemetry = {
  outgoing: (): Carried | undefined => carry(),
  received: (seen: unknown): void => exportSpan(seen as ShippedSpan),
  within(where: unknown, write: () => void): void {
    if (!where) return write()
    context.with(trace.setSpanContext(ROOT_CONTEXT, spanContextOf(where as PlainSpanContext)), write)
  },
}

/**
 * A span that was made and ended on a thread, made again where there is an SDK to export it: with the times, the parent and,
 * since log lines and calls to other services carry it already, the ids that it had over there.
 */
function exportSpan(shipped: ShippedSpan): void {
  const { scope, name, kind, attributes, start } = shipped
  const parent = shipped.parent ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(shipped.parent)) : ROOT_CONTEXT
  const links = shipped.links.map((link) => ({ ...link, context: spanContextOf(link.context) }))
  const span = trace
    .getTracer(scope.name, scope.version)
    .startSpan(name, { kind, attributes, links, startTime: start, root: !shipped.parent }, parent)
  if (!span.isRecording()) return
  keepIds(span, shipped.own)
  for (const event of shipped.events) span.addEvent(event.name, event.attributes, event.time)
  if (shipped.status) span.setStatus(shipped.status)
  span.end(shipped.end)
}

/** No SDK takes an id for a span, but all give out their own record of it. One that gives a copy makes this a no-op. */
function keepIds(span: Span, { traceId, spanId }: PlainSpanContext): void {
  try {
    Object.assign(span.spanContext(), { traceId, spanId })
  } catch {
    // Frozen: the span then has an id of its own, in the right trace and under the right parent.
  }
}

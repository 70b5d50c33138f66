import { ROOT_CONTEXT, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { Attributes, Tracer } from '@opentelemetry/api'
import type { RunnerEvent } from '../core/observer.ts'
import { linkTo } from './attributes.ts'
import * as names from './names.ts'

/** The report counts them all; a span names as many. */
const MAX_NAMED = 32

/** A root: whatever is active where `close()` was called is not what was drained. */
export function drainSpan(tracer: Tracer, report: Extract<RunnerEvent, { type: 'drained' }>): void {
  const { settled, interrupted, durationMs } = report
  const named = interrupted.slice(0, MAX_NAMED)
  const attributes: Attributes = {
    [names.DRAIN_SETTLED]: settled,
    [names.DRAIN_INTERRUPTED]: interrupted.length,
    [names.DRAIN_TIME]: names.seconds(durationMs),
  }
  if (named.length > 0) {
    attributes[names.ERROR_TYPE] = 'interrupted'
    attributes[names.DRAIN_INTERRUPTED_NAMES] = [...new Set(named.map(({ name }) => name))]
    attributes[names.DRAIN_INTERRUPTED_IDS] = named.map(({ id }) => id)
  }
  const links = named.flatMap(({ span, name }) =>
    span ? [linkTo(span, 'interrupted', { [names.TASK_NAME]: name })] : [],
  )
  const startTime = Date.now() - durationMs
  const options = { kind: SpanKind.INTERNAL, root: true, startTime, attributes, links }
  const span = tracer.startSpan(names.DRAIN_SPAN_NAME, options, ROOT_CONTEXT)
  if (named.length > 0)
    span.setStatus({ code: SpanStatusCode.ERROR, message: `${interrupted.length} tasks were interrupted` })
  span.end()
}

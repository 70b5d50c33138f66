import { ROOT_CONTEXT, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { Attributes, Tracer } from '@opentelemetry/api'
import type { RunnerEvent } from '../core/observer.ts'
import { drainedAttributes, linkTo, MAX_INTERRUPTED } from './attributes.ts'
import * as names from './names.ts'

/** A root: whatever is active where `close()` was called is not what was drained. */
export function drainSpan(tracer: Tracer, report: Extract<RunnerEvent, { type: 'drained' }>): void {
  const { interrupted, durationMs } = report
  const named = interrupted.slice(0, MAX_INTERRUPTED)
  const attributes: Attributes = {
    ...drainedAttributes(report),
    ...(named.length > 0 && { [names.ERROR_TYPE]: 'interrupted' }),
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

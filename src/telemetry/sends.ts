import { isSpanContextValid, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { Attributes, Span, Tracer } from '@opentelemetry/api'
import { isError } from '../core/errors.ts'
import type { NotStored, Sending } from '../core/observer.ts'
import type { TaskRecord } from '../core/task.ts'
import { linkTo, messagingAttributes, requestAttributes } from './attributes.ts'
import { writeCarrier } from './carrier.ts'
import { errorType } from './exceptions.ts'
import type { Failures } from './failures.ts'
import * as names from './names.ts'
import { contextOf, type Origin } from './propagation.ts'
import type { Relation } from './relations.ts'

export interface SendParts {
  readonly failures: Failures
  originOf(record: TaskRecord): Origin
  relationOf(record: TaskRecord, origin: Origin): Relation
  /** `file:line` of its add, if that is asked for. */
  addLocationOf(record: TaskRecord): string | undefined
}

/** One PRODUCER span per task on its way into a store; its ids travel with the task. */
export async function sendSpans(
  tracer: Tracer,
  { sending, next }: { readonly sending: Sending; next(): Promise<NotStored> },
  parts: SendParts,
): Promise<NotStored> {
  const spans = sending.records.map((record) => startSend(tracer, { record, queue: sending.queue }, parts))
  const notStored = await next()
  sending.records.forEach((record, index) => endSend(spans[index], notStored.get(record.id), parts.failures))
  return notStored
}

function startSend(
  tracer: Tracer,
  { record, queue }: { readonly record: TaskRecord; readonly queue: string },
  parts: SendParts,
): Span {
  const origin = parts.originOf(record)
  const relation = parts.relationOf(record, origin)
  const { spanContext } = origin
  const links = relation === 'link' && spanContext ? [linkTo(spanContext, record.depth === 0 ? 'request' : 'task')] : []
  const attributes = sendAttributes(record, queue, relation)
  const addLocation = parts.addLocationOf(record)
  if (addLocation) attributes[names.TASK_ADD_LOCATION] = addLocation
  const options = { kind: SpanKind.PRODUCER, attributes, root: relation === 'link', links }
  const span = tracer.startSpan(names.sendSpanName(queue), options, contextOf(origin))
  const own = span.spanContext()
  if (!isSpanContextValid(own)) return span
  writeCarrier(record.carrier, own)
  record.span = own
  return span
}

function sendAttributes(record: TaskRecord, queue: string, relation: Relation): Attributes {
  const { request } = record
  return {
    [names.TASK_NAME]: record.name,
    [names.TASK_ID]: record.id,
    [names.ENGINE]: record.engine,
    [names.TRACE_RELATION]: relation,
    ...messagingAttributes(record, queue, 'send'),
    ...(record.depth > 0 && { [names.TASK_DEPTH]: record.depth }),
    ...(record.late && { [names.TASK_LATE]: true }),
    ...(request && requestAttributes(request)),
  }
}

function endSend(span: Span | undefined, error: Error | undefined, failures: Failures): void {
  if (error && span) {
    // Why the store did not take it, where that is known: that it did not is the same for all.
    const { cause } = error
    const why = isError(cause) ? cause : error
    span.setAttribute(names.ERROR_TYPE, errorType(error))
    span.setStatus({ code: SpanStatusCode.ERROR, message: failures.messageOf(why) })
  }
  span?.end()
}

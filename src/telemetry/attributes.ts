import type { Attributes } from '@opentelemetry/api'
import type { RequestFacts, TaskRecord } from '../core/task.ts'
import { exceptionFacts } from './exceptions.ts'
import * as names from './names.ts'

/** What is known of an attempt when it starts, so that samplers see it. */
export function startAttributes(record: TaskRecord, attempt: number, relation: string): Attributes {
  const { request } = record
  const attributes: Attributes = {
    [names.TASK_NAME]: record.name,
    [names.TASK_ID]: record.id,
    [names.TASK_ATTEMPT]: attempt,
    [names.TASK_MAX_ATTEMPTS]: record.settings.retry.attempts,
    [names.ENGINE]: record.engine,
    [names.TRACE_RELATION]: relation,
  }
  if (record.settings.timeoutMs < Infinity) attributes[names.TASK_TIMEOUT] = record.settings.timeoutMs / 1000
  if (record.depth > 0) attributes[names.TASK_DEPTH] = record.depth
  if (record.late) attributes[names.TASK_LATE] = true
  return request ? Object.assign(attributes, requestAttributes(request)) : attributes
}

/** The request's facts, copied: they explain a failure even when the request's own trace was not kept. */
export function requestAttributes(request: RequestFacts): Attributes {
  const attributes: Attributes = { [names.REQUEST_METHOD]: request.method }
  if (request.traceId !== undefined) attributes[names.REQUEST_TRACE_ID] = request.traceId
  if (request.spanId !== undefined) attributes[names.REQUEST_SPAN_ID] = request.spanId
  if (request.route !== undefined) attributes[names.REQUEST_ROUTE] = request.route
  if (request.statusCode !== undefined) attributes[names.REQUEST_STATUS_CODE] = request.statusCode
  return attributes
}

export function exceptionAttributes(error: Error): Attributes {
  const { type, message, stacktrace } = exceptionFacts(error)
  return { [names.EXCEPTION_TYPE]: type, [names.EXCEPTION_MESSAGE]: message, [names.EXCEPTION_STACKTRACE]: stacktrace }
}

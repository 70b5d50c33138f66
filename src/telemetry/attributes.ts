import type { Attributes, Link, SpanContext } from '@opentelemetry/api'
import type { RunnerEvent } from '../core/observer.ts'
import type { RequestFacts, TaskRecord } from '../core/task.ts'
import type { ExceptionFacts } from './exceptions.ts'
import * as names from './names.ts'
import type { Origin } from './propagation.ts'
import { requestTraceOf, type Relation } from './relations.ts'
import type { SourcePosition } from './source-position.ts'

/** What is known of an attempt when it starts, so that samplers see it. */
export function startAttributes(record: TaskRecord, attempt: number, relation: Relation): Attributes {
  const { request, settings, after } = record
  const attributes: Attributes = {
    [names.TASK_NAME]: record.name,
    [names.TASK_ID]: record.id,
    [names.TASK_ATTEMPT]: attempt,
    [names.TASK_MAX_ATTEMPTS]: settings.retry.attempts,
    [names.ENGINE]: record.engine,
    [names.TRACE_RELATION]: relation,
  }
  if (settings.timeoutMs < Infinity) attributes[names.TASK_TIMEOUT] = settings.timeoutMs / 1000
  if (record.lostClaims) attributes[names.TASK_LOST_CLAIMS] = record.lostClaims
  if (record.depth > 0) attributes[names.TASK_DEPTH] = record.depth
  if (record.late) attributes[names.TASK_LATE] = true
  if (after) attributes[names.TASK_DEPENDENCIES] = after.length
  return request ? Object.assign(attributes, requestAttributes(request)) : attributes
}

/**
 * The request's facts, copied: they explain a failure even when the request's own trace was not kept. Made once per request
 * as soon as they are final; whoever takes them copies them.
 */
export function requestAttributes(request: RequestFacts): Readonly<Attributes> {
  const kept = requestTraceOf(request)
  if (kept?.attributes) return kept.attributes
  const attributes: Attributes = { [names.REQUEST_METHOD]: request.method }
  if (request.traceId !== undefined) attributes[names.REQUEST_TRACE_ID] = request.traceId
  if (request.spanId !== undefined) attributes[names.REQUEST_SPAN_ID] = request.spanId
  if (request.route !== undefined) attributes[names.REQUEST_ROUTE] = request.route
  if (request.statusCode !== undefined) attributes[names.REQUEST_STATUS_CODE] = request.statusCode
  if (kept && request.response !== undefined) kept.attributes = attributes
  return attributes
}

const OPERATION_TYPES = { send: 'send', run: 'process' } as const

/** Of a task of a durable engine, as the conventions for messaging have it. */
export const messagingAttributes = (
  { id, engine }: Pick<TaskRecord, 'id' | 'engine'>,
  queue: string,
  operation: keyof typeof OPERATION_TYPES,
): Attributes => ({
  [names.MESSAGING_SYSTEM]: engine,
  [names.MESSAGING_DESTINATION]: queue,
  [names.MESSAGING_OPERATION]: operation,
  [names.MESSAGING_OPERATION_TYPE]: OPERATION_TYPES[operation],
  [names.MESSAGING_MESSAGE_ID]: id,
})

export const exceptionAttributes = ({ type, message, stacktrace }: ExceptionFacts): Attributes => ({
  [names.EXCEPTION_TYPE]: type,
  [names.EXCEPTION_MESSAGE]: message,
  [names.EXCEPTION_STACKTRACE]: stacktrace,
})

export function codeAttributes({ file, line, function: name }: SourcePosition): Attributes {
  const attributes: Attributes = { [names.CODE_FILE_PATH]: file, [names.CODE_LINE_NUMBER]: line }
  if (name !== undefined) attributes[names.CODE_FUNCTION_NAME] = name
  return attributes
}

export const locationOf = ({ file, line }: SourcePosition): string => `${file}:${line}`

/** The SDK keeps 128 links of a span; that many say nothing more to a reader. */
const MAX_DEPENDENCY_LINKS = 32

/** To what caused it, if that is not its parent; to its attempt before; to what it came after. */
export function linksOf(record: TaskRecord, origin: Origin, relation: Relation): Link[] {
  const links: Link[] = []
  if (relation === 'link' && origin.spanContext)
    links.push(linkTo(origin.spanContext, record.durable ? 'send' : record.depth === 0 ? 'request' : 'task'))
  if (record.span) links.push(linkTo(record.span, 'previous_attempt'))
  if (!record.after) return links
  for (const { span, name } of record.after.slice(0, MAX_DEPENDENCY_LINKS))
    if (span) links.push(linkTo(span, 'dependency', { [names.TASK_NAME]: name }))
  return links
}

export const linkTo = (spanContext: SpanContext, type: string, more?: Attributes): Link => ({
  context: spanContext,
  attributes: { [names.LINK_TYPE]: type, ...more },
})

/** The report of a drain counts them all; its span and line name as many. */
export const MAX_INTERRUPTED = 32

function interruptedAttributes(interrupted: readonly TaskRecord[]): Record<string, string[]> {
  if (interrupted.length === 0) return {}
  const named = interrupted.slice(0, MAX_INTERRUPTED)
  return {
    [names.DRAIN_INTERRUPTED_NAMES]: [...new Set(named.map(({ name }) => name))],
    [names.DRAIN_INTERRUPTED_IDS]: named.map(({ id }) => id),
  }
}

/** What a drain came to, on its span and its line. */
export const drainedAttributes = ({ settled, interrupted, handedOver, durationMs }: Drained): Attributes => ({
  [names.DRAIN_SETTLED]: settled,
  [names.DRAIN_INTERRUPTED]: interrupted.length,
  [names.DRAIN_TIME]: names.seconds(durationMs),
  ...interruptedAttributes(interrupted),
  ...(handedOver.length > 0 && { [names.DRAIN_HANDED_OVER]: handedOver.length }),
})

type Drained = Extract<RunnerEvent, { readonly type: 'drained' }>

import { createHash } from 'node:crypto'
import { isError, toError } from '../core/errors.ts'

/** An error as telemetry carries it: bounded, without control characters, safe to read however the error was made. */
export interface ExceptionFacts {
  /** Name of the class, which is what people group by; never the `code` (a PostgreSQL error's would be '23505'). */
  readonly type: string
  readonly message: string
  readonly stacktrace: string
}

const MAX_MESSAGE = 1_024
const MAX_STACK = 16_384
const MAX_TYPE = 128
const MAX_CAUSES = 5
const MAX_AGGREGATED = 10
/** What one member may take of the whole, so that ten of them, and their aggregate's own frames, always fit. */
const MAX_MEMBER = 1_024
const MAX_AGGREGATE = 4_096

/** Never throws. Causes are followed to depth 5 and members of an AggregateError to 10; a cycle ends it. */
export function exceptionFacts(thrown: unknown): ExceptionFacts {
  const error = toError(thrown)
  return { type: errorType(error), message: messageOf(error), stacktrace: cut(stackOf(error, new Set(), 0), MAX_STACK) }
}

/** The value of `error.type` on span, metric and log. */
export function errorType(error: Error): string {
  const name = read(error, 'name')
  const constructed = read(get(error, 'constructor'), 'name')
  // A subclass that did not set `name` is known by its constructor, a DOMException (AbortError) only by its name.
  const type = constructed && constructed !== 'Error' && constructed !== 'DOMException' ? constructed : name
  return clean(cut(type || 'Error', MAX_TYPE))
}

/** Equal for failures of the same kind at the same place, whatever ids and numbers their messages carry. */
export function fingerprint(facts: ExceptionFacts): string {
  const frame = facts.stacktrace
    .split('\n')
    .find((line) => line.trimStart().startsWith('at ') && !line.includes('node:'))
  const shape = facts.message.replace(/[0-9a-f]{8,}|\d+/gi, '#')
  return createHash('sha1')
    .update(`${facts.type}\n${frame?.trim() ?? ''}\n${shape}`)
    .digest('hex')
    .slice(0, 16)
}

export const messageOf = (error: Error): string => clean(cut(read(error, 'message'), MAX_MESSAGE))

function stackOf(error: Error, seen: Set<unknown>, depth: number): string {
  seen.add(error)
  const all = cleanLines(withoutOurFrames(read(error, 'stack')) || `${errorType(error)}: ${messageOf(error)}`)
  const own = Array.isArray(get(error, 'errors')) ? cut(all, MAX_AGGREGATE) : all
  return [own, ...aggregatedOf(error, seen, depth), ...causeOf(error, seen, depth)].join('\n')
}

/** Where this package's core is, as stack traces name it: beside the folder this very module is in. */
const HERE = /(?:\(|at )(?:file:\/\/)?(\S*)telemetry[\\/]exceptions\.[cm]?[tj]s/
const CORE = HERE.exec(new Error().stack ?? '')?.[1]?.concat('core')

/** Frames of the runner say nothing about the failure, and there are as many of them as middleware layers. */
function withoutOurFrames(stack: string): string {
  if (CORE === undefined || !stack.includes(CORE)) return stack
  const lines = stack.split('\n')
  const theirs = lines.filter((line) => !(line.trimStart().startsWith('at ') && line.includes(CORE)))
  return theirs.length > 1 ? theirs.join('\n') : stack
}

function causeOf(error: Error, seen: Set<unknown>, depth: number): readonly string[] {
  const cause = get(error, 'cause')
  if (cause === undefined) return []
  if (seen.has(cause)) return ['caused by: an error above, again']
  if (depth + 1 >= MAX_CAUSES) return ['caused by: more, left off']
  if (!isError(cause)) return [`caused by: ${clean(cut(shown(cause), MAX_MESSAGE))}`]
  return [`caused by: ${stackOf(cause, seen, depth + 1)}`]
}

function aggregatedOf(error: Error, seen: Set<unknown>, depth: number): readonly string[] {
  const members = get(error, 'errors')
  if (!Array.isArray(members) || depth + 1 >= MAX_CAUSES) return []
  const lines = members.slice(0, MAX_AGGREGATED).map((member: unknown, index) => {
    if (seen.has(member)) return `[${index}]: an error above, again`
    return `[${index}]: ${isError(member) ? cut(stackOf(member, seen, depth + 1), MAX_MEMBER) : clean(cut(shown(member), MAX_MEMBER))}`
  })
  return [
    `${members.length} errors${members.length > MAX_AGGREGATED ? `, the first ${MAX_AGGREGATED}` : ''}:`,
    ...lines,
  ]
}

function get(from: unknown, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function read(from: unknown, key: string): string {
  const value = get(from, key)
  return typeof value === 'string' ? value : ''
}

function shown(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
  } catch {
    return 'something that cannot be shown'
  }
}

const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text)

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
/** A message must not forge a log line or steer a terminal. */
// oxlint-disable-next-line no-control-regex
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped)
// oxlint-disable-next-line no-control-regex
const cleanLines = (text: string): string =>
  cut(text, MAX_STACK).replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, escaped)

import { createHash } from 'node:crypto'
import { isError, toError } from '../core/errors.ts'
import { clean, cleanLines, cut, get, messageOf, read } from '../core/text.ts'

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
/** Of all errors that one error leads to: ten members with ten members each, and causes, would be thousands. */
const MAX_ERRORS = 32
/** What is looked at of a stack to find frames in it. */
const MAX_STACK_READ = 4 * MAX_STACK

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

function stackOf(error: Error, seen: Set<unknown>, depth: number): string {
  seen.add(error)
  const stack = withoutOurFrames(cut(read(error, 'stack'), MAX_STACK_READ))
  const all = cleanLines(cut(stack || `${errorType(error)}: ${messageOf(error)}`, MAX_STACK))
  const members = membersOf(error)
  const own = members ? cut(all, MAX_AGGREGATE) : all
  return [own, ...aggregated(members, seen, depth), ...causeOf(error, seen, depth)].join('\n')
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
  if (depth + 1 >= MAX_CAUSES || seen.size >= MAX_ERRORS) return ['caused by: more, left off']
  if (!isError(cause)) return [`caused by: ${clean(cut(shown(cause), MAX_MESSAGE))}`]
  return [`caused by: ${stackOf(cause, seen, depth + 1)}`]
}

interface Members {
  readonly first: readonly unknown[]
  readonly count: number
}

/** Undefined for an error that has none, or none that can be had. */
function membersOf(error: Error): Members | undefined {
  const members = get(error, 'errors')
  try {
    if (!Array.isArray(members)) return undefined
    const first: unknown[] = []
    for (let index = 0; index < Math.min(members.length, MAX_AGGREGATED); index++) first.push(members[index])
    return { first, count: members.length }
  } catch {
    return undefined
  }
}

function aggregated(members: Members | undefined, seen: Set<unknown>, depth: number): readonly string[] {
  if (!members || depth + 1 >= MAX_CAUSES) return []
  const { first, count } = members
  const lines = first.map((member, index) => {
    if (isError(member) && seen.has(member)) return `[${index}]: an error above, again`
    if (seen.size >= MAX_ERRORS) return `[${index}]: left off`
    return `[${index}]: ${isError(member) ? cut(stackOf(member, seen, depth + 1), MAX_MEMBER) : clean(cut(shown(member), MAX_MEMBER))}`
  })
  return [`${count} errors${count > first.length ? `, the first ${first.length}` : ''}:`, ...lines]
}

function shown(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
  } catch {
    return 'something that cannot be shown'
  }
}

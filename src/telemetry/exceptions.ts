import { isError, NonErrorThrownError, toError } from '../core/errors.ts'
import { cut, get, read } from '../core/text.ts'
import { fingerprint } from './fingerprint.ts'
import { isFrame, isOfCore, positionIn, type SourcePosition } from './source-position.ts'
import { Texts } from './texts.ts'

/** An error as telemetry carries it: bounded, masked, without control characters, however the error was made. */
export interface ExceptionFacts {
  /** Name of the class, which is what people group by; never the `code` (a PostgreSQL error's would be '23505'). */
  readonly type: string
  readonly message: string
  readonly stacktrace: string
  /** Where it was thrown, as far as that is in code of the application. */
  readonly position: SourcePosition | undefined
  readonly fingerprint: string
}

export const MAX_MESSAGE = 1_024
const MAX_STACK = 16_384
const MAX_TYPE = 128
const MAX_CAUSES = 5
const MAX_AGGREGATED = 10
/** What one member may take of the whole, so that ten of them, and their aggregate's own frames, always fit. */
const MAX_MEMBER = 1_024
const MAX_AGGREGATE = 4_096
/** Aggregates may hold aggregates: of all errors together no more than these are read. */
const MAX_ERRORS = 50
/** A stack is looked at this far; what a library put behind it is not read. */
const MAX_RAW = 65_536

const PLAIN = new Texts()

/** Never throws. Causes are followed to depth 5 and members of an AggregateError to 10; a cycle ends it. */
export function exceptionFacts(thrown: unknown, texts: Texts = PLAIN): ExceptionFacts {
  const error = toError(thrown)
  const type = errorType(error)
  const message = messageOf(error, texts)
  // What is no Error has no place of its own; that of its wrapper says nothing.
  const position = error instanceof NonErrorThrownError ? undefined : positionIn(cut(read(error, 'stack'), MAX_RAW))
  return {
    type,
    message,
    position,
    stacktrace: cut(new Stacks(texts).of(error, 0), MAX_STACK),
    fingerprint: fingerprint({ types: typesOf(error), message, position }),
  }
}

/** The value of `error.type` on span, metric and log. */
export function errorType(error: Error): string {
  const name = read(error, 'name')
  const constructed = read(get(error, 'constructor'), 'name')
  // A subclass that did not set `name` is known by its constructor, a DOMException (AbortError) only by its name.
  const type = constructed && constructed !== 'Error' && constructed !== 'DOMException' ? constructed : name
  return PLAIN.line(type || 'Error', MAX_TYPE)
}

export const messageOf = (error: Error, texts: Texts): string => texts.line(saidBy(error), MAX_MESSAGE, error)

function typesOf(error: Error): readonly string[] {
  const types: string[] = []
  for (let one: unknown = error; isError(one) && types.length < MAX_CAUSES; one = get(one, 'cause'))
    types.push(errorType(one))
  return types
}

/** The message; of an input that its schema refused only where: what a schema says may quote the input. */
function saidBy(error: Error): string {
  const issues = read(error, 'code') === 'ERR_AFTERGLOW_INVALID_INPUT' ? get(error, 'issues') : undefined
  if (!Array.isArray(issues)) return read(error, 'message')
  const paths = issues.slice(0, MAX_AGGREGATED).map((issue: unknown) => read(issue, 'path') || 'the top')
  return `invalid input at ${paths.join(', ')}${issues.length > paths.length ? ', ...' : ''}`
}

/** The stack of one error with those of what it hangs together with, each read once. */
class Stacks {
  readonly #texts: Texts
  readonly #seen = new Set<unknown>()

  constructor(texts: Texts) {
    this.#texts = texts
  }

  of(error: Error, depth: number): string {
    this.#seen.add(error)
    const members = membersOf(error)
    const raw = withoutOurFrames(ownStack(error)) || `${errorType(error)}: ${saidBy(error)}`
    const own = this.#texts.lines(raw, members ? MAX_AGGREGATE : MAX_STACK, error)
    return [own, ...this.#members(members, depth), ...this.#cause(error, depth)].join('\n')
  }

  #cause(error: Error, depth: number): readonly string[] {
    const cause = get(error, 'cause')
    if (cause === undefined) return []
    if (this.#seen.has(cause)) return ['caused by: an error above, again']
    if (depth + 1 >= MAX_CAUSES || this.#seen.size >= MAX_ERRORS) return ['caused by: more, left off']
    return [`caused by: ${isError(cause) ? this.of(cause, depth + 1) : this.#texts.line(shown(cause), MAX_MESSAGE)}`]
  }

  #members(members: Members | undefined, depth: number): readonly string[] {
    if (!members || depth + 1 >= MAX_CAUSES) return []
    const { first, count } = members
    const lines = first.map((member, index) => {
      if (isError(member) && this.#seen.has(member)) return `[${index}]: an error above, again`
      if (this.#seen.size >= MAX_ERRORS) return `[${index}]: left off`
      return `[${index}]: ${isError(member) ? cut(this.of(member, depth + 1), MAX_MEMBER) : this.#texts.line(shown(member), MAX_MEMBER)}`
    })
    return [`${count} errors${count > first.length ? `, the first ${first.length}` : ''}:`, ...lines]
  }
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

function ownStack(error: Error): string {
  const stack = cut(read(error, 'stack'), MAX_RAW)
  const [message, said] = [read(error, 'message'), saidBy(error)]
  return message === said || message === '' ? stack : stack.replaceAll(message, said)
}

function withoutOurFrames(stack: string): string {
  const lines = stack.split('\n')
  const theirs = lines.filter((line) => !(isFrame(line) && isOfCore(line)))
  return theirs.length > 1 ? theirs.join('\n') : stack
}

function shown(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
  } catch {
    return 'something that cannot be shown'
  }
}

import { isError, toError } from '../core/errors.ts'
import { findUncloneable } from './cloneable.ts'

/** An error as plain data: the clone that Node makes keeps neither its class nor what it carries. */
export interface PackedError {
  /** Names of its classes, from its own outwards, less `Error` and what is above. */
  readonly classes: readonly string[]
  /** If it has one of its own, or its class gives another than the class's. */
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Own properties that can be cloned: `code`, `status`, `details`. */
  readonly own: Readonly<Record<string, unknown>>
  readonly cause?: PackedThrown
  readonly errors?: readonly PackedThrown[]
}
export type PackedThrown = { readonly error: PackedError } | { readonly value: unknown }
export type ErrorClass = abstract new (...args: never[]) => Error

const MAX_DEPTH = 5
const MAX_ERRORS = 100
const WELL_KNOWN: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/** Whatever was thrown, so that it can cross. Never throws. */
export function packThrown(thrown: unknown, depth = 0): PackedThrown {
  try {
    if (isError(thrown)) return { error: packError(thrown, depth) }
    if (!findUncloneable(thrown)) return { value: thrown }
  } catch {
    // A hostile getter, a revoked proxy.
  }
  return { value: `${typeof thrown} that cannot leave its thread` }
}

function packError(error: Error, depth: number): PackedError {
  const { name, message, cause, errors } = error as { [K in keyof AggregateError]: unknown }
  const deeper = depth + 1 < MAX_DEPTH
  return {
    classes: classesOf(error),
    name: String(name),
    message: String(message),
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    own: Object.fromEntries(
      Object.entries(error).filter(([key, value]) => !WELL_KNOWN.has(key) && !findUncloneable(value)),
    ),
    ...(cause !== undefined && deeper && { cause: packThrown(cause, depth + 1) }),
    ...(Array.isArray(errors) &&
      deeper && { errors: errors.slice(0, MAX_ERRORS).map((one: unknown) => packThrown(one, depth + 1)) }),
  }
}

function classesOf(error: Error): readonly string[] {
  const names: string[] = []
  for (let proto: unknown = Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto)) {
    const name = (proto as { constructor?: { name?: unknown } }).constructor?.name
    if (name === 'Error' || typeof name !== 'string') break
    names.push(name)
  }
  return names
}

/**
 * The error again, on this side: with its stack of over there, and a class of each name it had. Where this side has that
 * class, one of `known` or of the language, it is that one, so that `instanceof` holds.
 */
export function unpackThrown(packed: PackedThrown, known: readonly ErrorClass[]): unknown {
  if (!('error' in packed)) return packed.value
  const { classes, name, message, stack, own, cause, errors } = packed.error
  const error = new Error(message)
  Object.setPrototypeOf(error, prototypeOf(classes, known))
  Object.assign(error, own)
  const hidden = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, enumerable: false, configurable: true, writable: true })
  if (error.name !== name) hidden('name', name)
  hidden('stack', stack ?? `${name}: ${message}`)
  if (cause) hidden('cause', unpackThrown(cause, known))
  if (errors)
    hidden(
      'errors',
      errors.map((one) => unpackThrown(one, known)),
    )
  return error
}

export const unpackError = (packed: PackedThrown, known: readonly ErrorClass[]): Error =>
  toError(unpackThrown(packed, known))

/** What Node gives out for the error that ended a thread may be no Error, but look like one. */
export function lookAlike(thrown: unknown): Error {
  const { name, message, stack } = (thrown ?? {}) as Partial<Error>
  if (isError(thrown) || typeof message !== 'string') return toError(thrown)
  return unpackError(
    { error: { classes: [], name: name ?? 'Error', message, stack, own: { ...(thrown as object) } } },
    [],
  )
}

const NATIVE: readonly ErrorClass[] = [
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]

function prototypeOf(classes: readonly string[], known: readonly ErrorClass[]): object {
  let prototype: object = Error.prototype
  for (const name of classes.toReversed()) {
    const real = [...known, ...NATIVE].find((one) => one.name === name)
    prototype = real ? (real.prototype as object) : standIn(name, prototype)
  }
  return prototype
}

const standIns = new WeakMap<object, Map<string, object>>()
const MAX_STAND_INS = 100

/** A class of that name, for telemetry to group by. */
function standIn(name: string, parent: object): object {
  let named = standIns.get(parent)
  if (!named) standIns.set(parent, (named = new Map<string, object>()))
  let prototype = named.get(name)
  if (!prototype) {
    const constructor = function () {}
    Object.defineProperty(constructor, 'name', { value: name })
    prototype = Object.create(parent, { constructor: { value: constructor, enumerable: false } }) as object
    if (named.size < MAX_STAND_INS) named.set(name, prototype)
  }
  return prototype
}

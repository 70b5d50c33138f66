import { types } from 'node:util'

export interface Uncloneable {
  /** Where in the value, as one would write it: `options.done`, `list.0`; empty for the value itself. */
  readonly path: string
  /** What is there. */
  readonly what: string
}

/**
 * The first thing in a value that the structured clone algorithm refuses. It finds what people put into inputs by mistake,
 * and where, without copying anything; what only a copy would show (a host object of C++) fails when it is copied.
 */
export function findUncloneable(value: unknown): Uncloneable | undefined {
  const seen = new Set<object>()
  const left: { readonly value: unknown; readonly path: string }[] = [{ value, path: '' }]
  for (let next = left.pop(); next; next = left.pop()) {
    const { path } = next
    const what = refused(next.value)
    if (what) return { path, what }
    if (typeof next.value !== 'object' || next.value === null || seen.has(next.value)) continue
    seen.add(next.value)
    for (const [key, inner] of innerOf(next.value)) left.push({ value: inner, path: path ? `${path}.${key}` : key })
  }
  return undefined
}

function refused(value: unknown): string | undefined {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return undefined
  if (types.isPromise(value)) return 'a promise'
  if (types.isProxy(value)) return 'a proxy'
  if (types.isWeakMap(value) || types.isWeakSet(value)) return 'a weak collection'
  if (types.isGeneratorObject(value)) return 'a generator'
  return undefined
}

/** What is cloned with an object: entries of collections, own enumerable properties of others. Binary data has neither. */
function innerOf(value: object): [string, unknown][] {
  if (types.isMap(value))
    return [...value].flatMap(([key, inner], n) => [[`key ${n}`, key] as [string, unknown], [String(n), inner]])
  if (types.isSet(value)) return [...value].map((inner, n) => [String(n), inner])
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value) || types.isDate(value) || types.isRegExp(value))
    return []
  // The clone of an error has its name, message, stack and cause, and nothing else.
  if (types.isNativeError(value)) return value.cause === undefined ? [] : [['cause', value.cause]]
  return Object.entries(value)
}

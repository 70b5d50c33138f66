// Queries for spans, with names that spans have.
import { ATTRIBUTES, SPANS } from '../../src/telemetry/names/registry.ts'
import type { Matcher } from './promql.ts'

/** Of the services that are chosen. All is `.+`, several are joined by a bar. */
export const SERVICE = 'resource.service.name =~ "${service:pipe}"'

const carried = new Set(SPANS.flatMap(({ always, sometimes }) => [...always, ...sometimes]))

/** @throws Error for an attribute, or a value, that no span of ours has */
export function attribute(name: string): string {
  if (!carried.has(name)) throw new Error(`no span has ${name}`)
  return `span.${name}`
}

export function where(name: string, { operator, values }: Matcher): string {
  const known = ATTRIBUTES[name]?.values
  if (known && values.some((value) => !value.startsWith('$') && !known.includes(value)))
    throw new Error(`${name} is never one of ${values.join(', ')}`)
  return `${attribute(name)} ${operator} "${values.join('|')}"`
}

export const select = (...names: readonly string[]): string => `select(${names.map(attribute).join(', ')})`

/** Spans that satisfy all of it. */
export const spanset = (...conditions: readonly string[]): string => `{ ${conditions.join(' && ')} }`

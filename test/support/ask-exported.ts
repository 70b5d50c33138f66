// LogQL and TraceQL asked of what left the collector. Loki and Tempo cannot be had here, so this knows exactly the
// operators that dashboards and links use, says so of any other, and changes no meaning: what it finds, they would find.
import { errorsIn } from './grafana.ts'
import type { ExportedLog, ExportedSpan } from './otlp-json.ts'

type Value = string | number | boolean | undefined
type Test<Of> = (one: Of) => boolean

/** `{label="..."} | field="..." | number > 3`: selectors and label filters, joined by "and". */
export function askLogs(query: string, logs: readonly ExportedLog[]): readonly ExportedLog[] {
  requireParsed('logql', query)
  const [, selector = '', filters = ''] = /^\{([^}]*)\}((?:[^|]|\|)*)$/.exec(query.trim()) ?? []
  const conditions = [...selector.split(/,\s*/), ...filters.split(/\s\|\s|^\s*\|\s/).map((part) => part.trim())]
  const tests = conditions.filter(Boolean).map((condition) => logTest(condition, query))
  return logs.filter((log) => tests.every((holds) => holds(log)))
}

function logTest(condition: string, query: string): Test<ExportedLog> {
  const { name, operator, value } = comparison(condition, query)
  // Loki treats a label that is not there as the empty text.
  return (log) => compare(labelsOf(log)[name] ?? (typeof value === 'number' ? undefined : ''), operator, value)
}

/** As Loki has a record that came by OTLP: the service as a label, everything else as structured metadata, dots as underscores. */
export function labelsOf({ attributes, resource, traceId, spanId }: ExportedLog): Readonly<Record<string, string>> {
  const flat = Object.entries({ ...resource, ...attributes }).map(([name, value]) => [underscored(name), String(value)])
  return {
    ...(Object.fromEntries(flat) as Record<string, string>),
    ...(traceId && { trace_id: traceId }),
    ...(spanId && { span_id: spanId }),
  }
}
const underscored = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, '_')

/** A trace id, or `{ a && b } | select(...)`: one spanset. What is selected changes what is shown, not what is found. */
export function askSpans(query: string, spans: readonly ExportedSpan[]): readonly ExportedSpan[] {
  if (/^[0-9a-f]{32}$/.test(query)) return spans.filter(({ traceId }) => traceId === query)
  requireParsed('traceql', query)
  const [, inner] = /^\{\s*([^]*?)\s*\}(?:\s*\|\s*select\([\w., ]+\))?$/.exec(query.trim()) ?? []
  if (inner === undefined) throw new Error(`only one spanset can be asked for here, not ${query}`)
  const tests = inner.split(/\s*&&\s*/).map((condition) => spanTest(condition, query))
  return spans.filter((span) => tests.every((holds) => holds(span)))
}

/** The attributes that a query asks to be shown. */
export const selectedBy = (query: string): readonly string[] =>
  (/select\(([^)]*)\)/.exec(query)?.[1] ?? '')
    .split(/,\s*/)
    .filter(Boolean)
    .map((one) => one.replace(/^span\./, ''))

const KINDS: Readonly<Record<string, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }
const STATUSES: Readonly<Record<string, number>> = { unset: 0, ok: 1, error: 2 }

function spanTest(condition: string, query: string): Test<ExportedSpan> {
  const { name, operator, value } = comparison(condition, query)
  if (name === 'kind') return ({ kind }) => compare(kind, operator, KINDS[String(value)])
  if (name === 'status') return ({ status }) => compare(status.code ?? 0, operator, STATUSES[String(value)])
  if (name === 'duration') {
    const wanted = secondsOf(String(value))
    return ({ seconds }) => compare(seconds, operator, wanted)
  }
  if (name === 'trace:id') return ({ traceId }) => compare(traceId, operator, value)
  if (name === 'link:traceID') return ({ links }) => links.some((link) => compare(link.traceId, operator, value))
  if (/^\d+$/.test(name)) return () => compare(Number(name), operator, value)
  const [, scope, attribute = ''] = /^(span|resource)\.([\w.]+)$/.exec(name) ?? []
  if (scope === undefined) throw new Error(`${name} cannot be asked for here: ${query}`)
  return (span) => compare((scope === 'span' ? span.attributes : span.resource)[attribute] as Value, operator, value)
}

/** `1s`, `250ms`, `1.5m` */
function secondsOf(duration: string): number {
  const [, number, unit = ''] = /^([\d.]+)(ms|s|m)$/.exec(duration) ?? []
  if (number === undefined) throw new Error(`a duration of ${duration} cannot be asked here`)
  return Number(number) * ({ ms: 0.001, s: 1, m: 60 }[unit] ?? NaN)
}

interface Comparison {
  readonly name: string
  readonly operator: string
  readonly value: Value
}

function comparison(condition: string, query: string): Comparison {
  const [, name, operator, text] =
    /^([\w.:]+)\s*(=~|!~|!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[\w.]+)$/.exec(condition) ?? []
  if (name === undefined || operator === undefined || text === undefined)
    throw new Error(`'${condition}' cannot be asked here: ${query}`)
  if (text === 'nil') return { name, operator, value: undefined }
  if (/^-?[\d.]+$/.test(text)) return { name, operator, value: Number(text) }
  return { name, operator, value: /^["`]/.test(text) ? text.slice(1, -1).replaceAll('\\\\', '\\') : text }
}

/** Patterns match whole values, in Loki and in Tempo. */
function compare(actual: Value, operator: string, wanted: Value): boolean {
  const matches = (): boolean => new RegExp(`^(?:${String(wanted)})$`).test(String(actual ?? ''))
  const equal =
    wanted === undefined
      ? actual === undefined
      : typeof wanted === 'number'
        ? Number(actual) === wanted
        : actual !== undefined && String(actual) === String(wanted)
  if (operator === '=') return equal
  if (operator === '!=') return !equal
  if (operator === '=~') return matches()
  if (operator === '!~') return !matches()
  const [left, right] = [Number(actual), Number(wanted)]
  if (operator === '>') return left > right
  if (operator === '<') return left < right
  return operator === '>=' ? left >= right : left <= right
}

function requireParsed(language: 'logql' | 'traceql', query: string): void {
  const [error] = errorsIn(language, query)
  if (error !== undefined) throw new Error(`no ${language}: ${error}`)
}

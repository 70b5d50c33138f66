// As much of Grafana 13 as the links of dashboards/provisioning take, for tests: how it reads provisioning files, what a
// trace looks like to it, and what becomes of a link. By its documentation and its source; Grafana itself cannot be had here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parser as logql } from '@grafana/lezer-logql'
import { parser as traceql } from '@grafana/lezer-traceql'
import { parser as promql } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import type { ExportedSpan } from './otlp-json.ts'
import { root } from './otel-process.ts'

export interface Transformation {
  readonly type: string
  readonly field: string
  readonly expression: string
  readonly mapValue: string
}
export interface Correlation {
  readonly type?: string
  readonly targetUID?: string
  readonly label: string
  readonly description: string
  readonly config: {
    readonly type?: string
    readonly field: string
    readonly target: Readonly<Record<string, string>>
    readonly transformations: readonly Transformation[]
  }
}
export interface DerivedField {
  readonly name: string
  readonly matcherType: string
  readonly matcherRegex: string
  readonly datasourceUid: string
  readonly url: string
  readonly urlDisplayLabel: string
}
interface SpanLink {
  readonly datasourceUid: string
  readonly tags: readonly { readonly key: string; readonly value: string }[]
}
export interface Datasource {
  readonly name: string
  readonly uid: string
  readonly type: string
  readonly jsonData: {
    readonly derivedFields?: readonly DerivedField[]
    readonly exemplarTraceIdDestinations?: readonly { readonly name: string; readonly datasourceUid: string }[]
    readonly tracesToLogsV2?: SpanLink & { readonly query: string; readonly customQuery: boolean }
    readonly tracesToMetrics?: SpanLink & {
      readonly queries: readonly { readonly name: string; readonly query: string }[]
    }
    readonly spanBar?: { readonly tag: string }
    readonly serviceMap?: { readonly datasourceUid: string }
  }
  readonly correlations?: readonly Correlation[]
}

/** A provisioning file as Grafana has it after its environment was put in: `$$` is `$`, a single one asks for a variable. */
export const provisioned = <File>(path: string, env?: Readonly<Record<string, string>>): File =>
  provisionedFrom<File>(readFileSync(join(root, path), 'utf8'), env)

export function provisionedFrom<File>(text: string, env: Readonly<Record<string, string>> = {}): File {
  const expand = (value: unknown): unknown => {
    if (typeof value === 'string') return expandText(value, env)
    if (Array.isArray(value)) return value.map(expand)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expand(one)]))
  }
  return expand(parse(text)) as File
}

const expandText = (text: string, env: Readonly<Record<string, string>>): string =>
  text
    .split('$$')
    .map((part) =>
      part.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => env[braced ?? bare ?? ''] ?? ''),
    )
    .join('$')

export const provisionedDatasources = (env?: Readonly<Record<string, string>>): readonly Datasource[] =>
  provisioned<{ datasources: readonly Datasource[] }>('dashboards/provisioning/datasources.yaml', env).datasources

export type Variables = Readonly<Record<string, string>>

/** What a span is in the data frame of a trace: attributes are JSON text, arrays in it text too. */
export function spanFields({ traceId, spanId, parentSpanId, name, attributes, resource }: ExportedSpan): Variables {
  const tags = (of: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(
      Object.entries(of).map(([key, value]) => ({ key, value: Array.isArray(value) ? JSON.stringify(value) : value })),
    )
  return {
    traceID: traceId,
    spanID: spanId,
    parentSpanID: parentSpanId ?? '',
    operationName: name,
    serviceName: String(resource['service.name']),
    serviceTags: tags(resource),
    tags: tags(attributes),
  }
}

/** Where a correlation leads from a span: its target with all filled in; undefined where it shows no link. */
export function followed({ config }: Correlation, fields: Variables): Variables | undefined {
  const found = config.transformations.map(({ field, expression, mapValue }): Variables => {
    const [match] = (fields[field] ?? '').matchAll(new RegExp(expression, 'gi'))
    return match ? { [mapValue]: match[1] ?? match[0] } : {}
  })
  const variables: Variables = Object.assign({}, fields, ...found) as Variables
  const missing = Object.values(config.target).some((text) => [...namesIn(text)].some((name) => !(name in variables)))
  if (missing) return undefined
  return Object.fromEntries(Object.entries(config.target).map(([key, text]) => [key, fillIn(text, variables)]))
}

/** The labels of `tags` that a span has, as `${__tags}` writes them. */
export function tagsOf({ tags }: SpanLink, span: ExportedSpan): string {
  const all = { ...span.resource, ...span.attributes }
  return tags
    .filter(({ key }) => key in all)
    .map(({ key, value }) => `${value}="${String(all[key])}"`)
    .join(', ')
}

const VARIABLE = /\$(?:\{([\w.]+)\}|(\w+))/g
const namesIn = function* (text: string): Generator<string> {
  for (const [, braced, bare] of text.matchAll(VARIABLE)) yield braced ?? bare ?? ''
}
export const fillIn = (text: string, variables: Variables): string =>
  text.replaceAll(VARIABLE, (_, braced?: string, bare?: string) => variables[braced ?? bare ?? ''] ?? '')

const PARSERS = { promql, logql, traceql }
export type Language = keyof typeof PARSERS

/** What the grammar that Grafana's editors use does not understand. */
export function errorsIn(language: Language, query: string): readonly string[] {
  const errors: string[] = []
  PARSERS[language].parse(query).iterate({
    enter: ({ type, from, to }) =>
      void (type.isError && errors.push(`${query.slice(0, from)} >>> ${query.slice(from, to)}`)),
  })
  return errors
}

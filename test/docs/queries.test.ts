import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parser as logql } from '@grafana/lezer-logql'
import { parser as traceql } from '@grafana/lezer-traceql'
import { parser as promql } from '@prometheus-io/lezer-promql'
import { labelOf, seriesOf } from '../../docs/build/prometheus-names.ts'
import { recordings } from '../support/alerts/rule-files.ts'
import { ATTRIBUTES, LOGS, METRICS, SPANS } from '../../src/telemetry/names/registry.ts'

interface Parser {
  parse(query: string): { iterate(visit: { enter(node: Node): void }): void }
}
interface Node {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly type: { readonly isError: boolean }
}

const docs = join(import.meta.dirname, '../../docs')
const cookbook = readFileSync(join(docs, 'queries.md'), 'utf8')
const runbooks = readdirSync(join(docs, 'runbooks')).map((name) => readFileSync(join(docs, 'runbooks', name), 'utf8'))
const queriesIn = (language: string, pages: readonly string[] = [cookbook, ...runbooks]): readonly string[] => {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)\\n\`\`\`$`, 'gms')
  return [...new Set(pages.flatMap((page) => [...page.matchAll(fence)].map(([, query = '']) => query)))]
}

function nodesOf(parser: Parser, query: string): readonly (readonly [string, string])[] {
  const nodes: (readonly [string, string])[] = []
  parser.parse(query).iterate({
    enter: ({ name, from, to, type }) =>
      void nodes.push([type.isError ? 'error' : name, query.slice(type.isError ? from - 10 : from, to)]),
  })
  return nodes
}
const named = (parser: Parser, query: string, kind: string): readonly string[] =>
  nodesOf(parser, query).flatMap(([name, text]) => (name === kind ? [text] : []))

const series = new Map(METRICS.flatMap((metric) => seriesOf(metric).map((name) => [name, metric] as const)))
/** Of a scrape or a resource, and those that Prometheus makes. */
/** Of the collector, the SDK and Prometheus; and what our own rules record, by task or instance. */
const FOREIGN_SERIES = /^(up$|otelcol_|otel_sdk_)/
const FOREIGN_LABELS = ['job', 'instance', 'deployment_environment_name', 'le']
const recorded: ReadonlySet<string> = new Set(recordings.map(({ record }) => record))
const logFields = new Set(LOGS.flatMap(({ always, sometimes }) => [...always, ...sometimes]).map(labelOf))
const events: ReadonlySet<string> = new Set(LOGS.map(({ event }) => event))
const spanAttributes = new Set(SPANS.flatMap(({ always, sometimes }) => [...always, ...sometimes]))

describe.each(queriesIn('promql'))('PromQL %#: %s', (query) => {
  test('parses', () => {
    expect(named(promql, query, 'error')).toEqual([])
  })

  test('asks for metrics, labels and values that are exported', () => {
    const asked = named(promql, query, 'Identifier')
    const metrics = asked.filter((name) => !FOREIGN_SERIES.test(name) && !recorded.has(name))
    expect(asked.length).toBeGreaterThan(0)
    expect(metrics.filter((name) => !series.has(name))).toEqual([])
    const carried = metrics.flatMap((name) => [
      ...(series.get(name)?.always ?? []),
      ...(series.get(name)?.sometimes ?? []),
    ])
    const labels = new Set([...carried.map(labelOf), ...FOREIGN_LABELS])
    if (metrics.length < asked.length) return // What the collector and the SDK have is theirs.
    expect(named(promql, query, 'LabelName').filter((name) => !labels.has(name))).toEqual([])
    for (const [, label = '', values = ''] of query.matchAll(/(\w+)(?:=|!=|=~|!~)"([^"]*)"/g))
      expectValues(label, values)
  })
})

describe.each(queriesIn('logql'))('LogQL %#: %s', (query) => {
  test('parses', () => {
    expect(named(logql, query, 'error')).toEqual([])
  })

  test('asks for fields and events that are logged', () => {
    const fields = [...query.matchAll(/\b((?:afterglow|error|http)_\w+)\b/g)].map(([, field = '']) => field)
    expect(fields.filter((field) => !logFields.has(field))).toEqual([])
    for (const [, event = ''] of query.matchAll(/event_name="([^"]*)"/g)) expect([...events]).toContain(event)
  })
})

describe.each(queriesIn('traceql'))('TraceQL %#: %s', (query) => {
  test('parses', () => {
    expect(named(traceql, query, 'error')).toEqual([])
  })

  test('asks for attributes that spans have', () => {
    const attributes = [...query.matchAll(/\bspan\.([\w.]+)/g)].map(([, attribute = '']) => attribute)
    expect(attributes.filter((attribute) => !spanAttributes.has(attribute))).toEqual([])
  })
})

test('the cookbook asks in all three languages, and of every metric', () => {
  for (const language of ['promql', 'logql', 'traceql'])
    expect(queriesIn(language, [cookbook]).length).toBeGreaterThan(3)
  const asked = new Set(queriesIn('promql', [cookbook]).flatMap((query) => named(promql, query, 'Identifier')))
  const unasked = METRICS.filter((metric) => !seriesOf(metric).some((name) => asked.has(name)))
  expect(unasked.map(({ name }) => name)).toEqual([])
})

test('a query that does not parse, or asks for what is not there, is found', () => {
  expect(named(promql, 'sum by (a (rate(x[5m]))', 'error')).not.toEqual([])
  expect(named(logql, '{service_name="shop" | a=', 'error')).not.toEqual([])
  expect(named(traceql, '{ span.a = }', 'error')).not.toEqual([])
})

/** Values of attributes whose set is closed. */
function expectValues(label: string, values: string): void {
  const [, info] = Object.entries(ATTRIBUTES).find(([attribute]) => labelOf(attribute) === label) ?? []
  if (info?.values) for (const value of values.split('|')) expect(info.values).toContain(value)
}

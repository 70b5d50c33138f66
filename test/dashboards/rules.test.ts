// What can be said of rules without promtool, which runs in test/integration/alerts-*.test.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parser } from '@prometheus-io/lezer-promql'
import { seriesOf } from '../../docs/build/prometheus-names.ts'
import { METRICS } from '../../src/telemetry/names/registry.ts'
import { alertNames, alerts, recordings } from '../support/alerts/rule-files.ts'

interface Dashboard {
  readonly uid: string
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}
const grafana = join(import.meta.dirname, '../../dashboards/grafana')
const dashboards = readdirSync(grafana).map(
  (name) => JSON.parse(readFileSync(join(grafana, name), 'utf8')) as Dashboard,
)
const series = new Set(METRICS.flatMap(seriesOf))
/** Of the SDK, the collector and Prometheus: the pipeline's tests hold these names to what is served. */
const FOREIGN = /^(up|otelcol_exporter_\w+|otel_sdk_processor_(span|log)_processed_total)$/

function identifiersIn(expr: string): readonly string[] {
  const found: string[] = []
  parser.parse(expr).iterate({
    enter: ({ name, from, to, type }) => {
      if (type.isError) throw new Error(`does not parse at ${expr.slice(from - 20, to + 20)}`)
      if (name === 'Identifier') found.push(expr.slice(from, to))
    },
  })
  return found
}
const recorded = recordings.map(({ record }) => record)
const unknown = (expr: string, known: readonly string[]): readonly string[] =>
  identifiersIn(expr).filter((name) => !series.has(name) && !FOREIGN.test(name) && !known.includes(name))

describe.each(recordings)('$record', ({ record, expr }) => {
  test('rests on what is exported, or recorded before it', () => {
    expect(unknown(expr, recorded.slice(0, recorded.indexOf(record)))).toEqual([])
  })

  test('is called level:metric:operation, and so by nothing else', () => {
    expect(record).toMatch(/^afterglow_(task|instance):\w+:\w+$/)
    expect(recorded.filter((name) => name === record)).toHaveLength(1)
  })
})

test('nothing is recorded that no alert needs', () => {
  const needed = [...alerts, ...recordings].flatMap(({ expr }) => identifiersIn(expr))
  expect(recorded.filter((name) => !needed.includes(name))).toEqual([])
})

describe.each(alerts)('$alert', ({ expr, labels, annotations }) => {
  test('rests on what is exported or recorded', () => {
    expect(unknown(expr, recorded)).toEqual([])
  })

  test('says how severe it is and whom to tell', () => {
    expect(['critical', 'warning', 'info']).toContain(labels['severity'])
    expect(labels['owner'] ?? expr).toMatch(/^on-call$|group_left \(owner\) afterglow_task:owner:info$/)
  })

  test('says in one line what is wrong with what, what it costs, and what to ask first', () => {
    const { summary = '', impact = '', promql = '' } = annotations
    expect(summary).toMatch(/^[^\n]{20,400}$/)
    expect(summary).toMatch(/\{\{ \$(value|labels\.instance) /)
    expect(impact).toMatch(/^[^\n]{20,300}\.$/)
    expect(promql).not.toBe('')
  })

  test('links to a dashboard of ours, with what it is about chosen there', () => {
    const [, uid, query = ''] = /\/d\/([\w-]+)\?(.+)$/.exec(annotations['dashboard_url'] ?? '') ?? []
    const dashboard = dashboards.find((one) => one.uid === uid)
    const variables = dashboard?.templating.list.map(({ name }) => name) ?? []
    const chosen = [...query.matchAll(/var-(\w+)=/g)].map(([, name = '']) => name)
    expect(chosen.length).toBeGreaterThan(0)
    expect(chosen.filter((name) => !variables.includes(name))).toEqual([])
    expect(query).toMatch(/&from=now-\w+&to=now$/)
    if (expr.includes('afterglow_task:owner:info')) expect(chosen).toContain('task')
  })
})

test('the only ones that wake somebody are those that cannot wait', () => {
  const critical = alerts.filter(({ labels }) => labels['severity'] === 'critical').map(({ alert }) => alert)
  expect(critical).toEqual([
    'AfterglowBudgetBurnFast',
    'AfterglowQueueStuck',
    'AfterglowMetricsAbsent',
    'AfterglowCollectorDown',
  ])
  expect(new Set(alertNames).size).toBe(alertNames.length)
})

// The library's metrics as Prometheus has them, by way of the shipped collector: names, the ledger, exemplars.
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import * as names from '../../src/telemetry/names.ts'
import type { MetricName } from '../../src/telemetry/names.ts'
import { BUILD_MS, startCollector, suiteWith } from '../support/collector.ts'
import type { Collector } from '../support/collector.ts'
import { ObservedApp } from '../support/observed-app.ts'
import { Prometheus, seriesNames } from '../support/prometheus.ts'

jest.setTimeout(30_000)
const suite = suiteWith(['collector', 'prometheus'], import.meta.filename)

/** Whatever the registry holds: an instrument that is added there is asked for here. */
const instruments = Object.values(names as Readonly<Record<string, unknown>>).filter(isInstrument)

function isInstrument(value: unknown): value is MetricName {
  const { name, kind, unit } = (value ?? {}) as Partial<MetricName>
  return [name, kind, unit].every((field) => typeof field === 'string')
}

const LEDGER = `
  sum by (instance) (afterglow_task_submissions_total{afterglow_submission_result=~"accepted|fetched"})
  - sum by (instance) (afterglow_task_settled_total)
  - sum by (instance) (afterglow_task_count)`

suite('Prometheus behind the shipped collector', () => {
  let prometheus: Prometheus
  let collector: Collector
  let app: ObservedApp
  let began: number

  beforeAll(async () => {
    prometheus = await Prometheus.start()
    collector = await startCollector({ env: { OTELCOL_METRICS_ENDPOINT: prometheus.otlp } })
    began = Date.now() / 1000
    app = await ObservedApp.start(collector.endpoint)
    await prometheus.until(async () => ((await value(settled('failed'))) === 0 ? true : undefined))
    for (const path of ['/ok', '/fails', '/retried', '/rejected', '/swallowed', '/blocks', '/strays'])
      await app.get(path)
    // Something is in flight while the numbers are exported, so that the ledger has two sides to balance.
    const slow = Array.from({ length: 5 }, (_, at) => app.get(`/fails?afterMs=${400 * (at + 1)}`))
    const quick = Array.from({ length: 40 }, () => app.get('/ok'))
    await Promise.all([...slow, ...quick])
    await prometheus.until(async () => (await value('sum(afterglow_task_count)')) || undefined)
    await prometheus.until(async () => ((await value('sum(afterglow_task_count)')) === 0 ? true : undefined))
    await app.stop()
    await prometheus.until(async () => ((await value(settled('failed'))) === 6 ? true : undefined))
  }, BUILD_MS)

  afterAll(async () => {
    await app?.[Symbol.asyncDispose]()
    await collector?.[Symbol.asyncDispose]()
    await prometheus?.[Symbol.asyncDispose]()
  })

  const value = async (promql: string): Promise<number | undefined> => {
    const [series] = await prometheus.query(promql)
    return series && Number(series.value[1])
  }
  const settled = (outcome: string): string => `sum(afterglow_task_settled_total{afterglow_task_outcome="${outcome}"})`

  it('knows of every instrument', () => {
    expect(instruments.length).toBeGreaterThanOrEqual(9)
  })

  it.each(instruments.map((instrument) => [instrument.name, instrument] as const))(
    'serves %s under the name that the translation rule gives it',
    async (_name, instrument) => {
      const wanted = seriesNames(instrument)
      const served = async () => (await prometheus.names()).filter((name) => wanted.includes(name))
      const all = await prometheus.until(async () => {
        const found = await served()
        return found.length === wanted.length ? found : undefined
      })
      expect(all.toSorted()).toEqual(wanted.toSorted())
    },
  )

  it('has the instance and the service on every series, and the ids of tasks on none', async () => {
    const series = await prometheus.query('{__name__=~"afterglow_.*"}')
    for (const { metric } of series) {
      expect(metric['job']).toBe('shop')
      expect(metric['instance']).toMatch(/^[0-9a-f-]{36}$/)
      expect(Object.keys(metric).filter((label) => /(task|trace|span)_id$/.test(label))).toEqual([])
    }
  })

  it('has each outcome of each registered task from the start, at zero', async () => {
    const [born] = await prometheus.query('count(afterglow_task_settled_total)')
    const tasks = await prometheus.query('count(count by (afterglow_task_name) (afterglow_task_settled_total))')
    const outcomes = await prometheus.query('count(count by (afterglow_task_outcome) (afterglow_task_settled_total))')
    expect(Number(born?.value[1])).toBe(Number(tasks[0]?.value[1]) * Number(outcomes[0]?.value[1]))
    // Else the first failure is no increase.
    const failed = 'afterglow_task_settled_total{afterglow_task_name="fails",afterglow_task_outcome="failed"}'
    expect(await value(`min_over_time(${failed}[10m])`)).toBe(0)
    expect(await value(`increase(${failed}[10m])`)).toBeGreaterThan(0)
  })

  it('sees the ledger balance at every instant: accepted = outcomes + in flight', async () => {
    const end = Date.now() / 1000
    const range = { start: began, end, step: 0.1 }
    const balances = (await prometheus.queryRange(LEDGER, range)).flatMap(({ values }) => values)
    expect(balances.length).toBeGreaterThan(10)
    expect(balances.filter(([, balance]) => balance !== '0')).toEqual([])
    const inFlight = await prometheus.queryRange('sum(afterglow_task_count)', range)
    expect(inFlight[0]?.values.some(([, count]) => count !== '0')).toBe(true)
  })

  it('counts what was sent', async () => {
    expect(await value(settled('failed'))).toBe(6)
    expect(await value('sum(afterglow_task_retries_total)')).toBe(1)
    expect(await value('sum(afterglow_task_handled_errors_total)')).toBe(1)
    expect(await value('sum(afterglow_task_stray_errors_total)')).toBe(1)
  })

  it('has exemplars of the span metrics that lead to traces which left the collector', async () => {
    const exemplars = await prometheus.until(async () => {
      const found = await prometheus.exemplars('{__name__=~"afterglow_task_span_.*",afterglow_task_name="fails"}')
      return found.length > 0 ? found : undefined
    })
    const spans = await collector.traces()
    for (const { labels } of exemplars.flatMap((series) => series.exemplars)) {
      const span = spans.find(({ spanId }) => spanId === labels['span_id'])
      expect(span).toMatchObject({ traceId: labels['trace_id'], name: names.runSpanName('fails') })
    }
  })
})

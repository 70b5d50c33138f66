// The walk of docs/on-call.md, hop by hop, on what the shop sends when a task of it fails: by the alerts, the queries and the
// links that are shipped, through the real collector and Prometheus. Loki and Tempo cannot be had here: what would be asked
// of them is asked of what left the collector (test/support/ask-exported.ts).
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { adapted } from '../../src/cli/dashboards/installation.ts'
import * as names from '../../src/telemetry/names.ts'
import { askLogs, askSpans, labelsOf, selectedBy } from '../support/ask-exported.ts'
import { BUILD_MS, startCollector, suiteWith, type Collector } from '../support/collector.ts'
import { fillIn, followed, provisionedFrom, spanFields, tagsOf, type Datasource } from '../support/grafana.ts'
import { ObservedApp } from '../support/observed-app.ts'
import { root } from '../support/otel-process.ts'
import type { ExportedLog, ExportedSpan } from '../support/otlp-json.ts'
import { Prometheus, type FiringAlert } from '../support/prometheus.ts'
import { EVERYTHING, substitute } from '../support/promql.ts'
import { panelsOf, readDashboard, type Panel } from '../support/dashboards.ts'

jest.setTimeout(30_000)
const suite = suiteWith(['collector', 'prometheus'], import.meta.filename)
const [SERVER, ERROR] = [2, 2]
const TASK = 'update-search-index'
const RULES = join(root, 'dashboards', 'rules')
const SOURCE_URL = 'https://git.example/shop/blob/main/{path}#L{line}'

/** The shipped rules, evaluated every second and not every minute. */
async function quickRules(): Promise<Readonly<Record<string, string>>> {
  const files = (await readdir(RULES)).filter((name) => name.endsWith('.yaml'))
  const texts = await Promise.all(files.map(async (name) => [name, await readFile(join(RULES, name), 'utf8')] as const))
  return Object.fromEntries(texts.map(([name, text]) => [name, text.replaceAll(/^( +interval:) \S+$/gm, '$1 1s')]))
}

async function datasources(): Promise<readonly Datasource[]> {
  const text = await readFile(join(root, 'dashboards/provisioning/datasources.yaml'), 'utf8')
  const installation = { selector: undefined, grafanaUrl: undefined, sourceUrl: SOURCE_URL, sourceRoot: `${root}/` }
  return provisionedFrom<{ datasources: readonly Datasource[] }>(
    adapted('provisioning/datasources.yaml', text, installation),
  ).datasources
}

suite('from the alert to the line and the request', () => {
  let prometheus: Prometheus
  let collector: Collector
  let spans: readonly ExportedSpan[]
  let logs: readonly ExportedLog[]
  let alert: FiringAlert
  let loki: Datasource
  let tempo: Datasource

  beforeAll(async () => {
    prometheus = await Prometheus.start({ rules: await quickRules() })
    collector = await startCollector({ env: { OTELCOL_METRICS_ENDPOINT: prometheus.otlp } })
    await using shop = await ObservedApp.start(collector.endpoint, { app: 'examples/shop/main.ts' })
    await using other = await ObservedApp.start(collector.endpoint, { env: { OTEL_SERVICE_NAME: 'other' } })
    await shop.post('/order', { orderId: 7 })
    await shop.get('/failing-task')
    await other.get('/fails-linked')
    await shop.says(/"task failed"/)
    alert = await prometheus.until(async () => {
      const alerts = await prometheus.alerts()
      return alerts.find(({ labels, state }) => state === 'firing' && labels['afterglow_task_name'] === TASK)
    }, 60_000)
    await other.stop()
    await shop.stop()
    await collector.until(async () => {
      logs = await collector.logs()
      return logs.filter(({ body }) => body === 'drained').length === 2 ? true : undefined
    })
    spans = await collector.traces()
    for (const one of await datasources()) {
      if (one.type === 'loki') loki = one
      if (one.type === 'tempo') tempo = one
    }
  }, BUILD_MS)
  afterAll(async () => {
    await collector?.[Symbol.asyncDispose]()
    await prometheus?.[Symbol.asyncDispose]()
  })

  /** Where a link of the datasource leads from a span. */
  const follow = (label: string, span: ExportedSpan): string | undefined => {
    const correlation = tempo.correlations?.find((one) => one.label === label)
    if (!correlation) throw new Error(`no link is called ${label}`)
    const target = followed(correlation, spanFields(span))
    return target?.['query'] ?? target?.['expr'] ?? target?.['url']
  }
  const only = <One>(found: readonly One[]): One => {
    if (found.length !== 1) throw new Error(`not one but ${found.length}: ${JSON.stringify(found)}`)
    return found[0] as One
  }
  const failedRun = (name = TASK): ExportedSpan =>
    only(spans.filter(({ attributes, status }) => attributes[names.TASK_NAME] === name && status.code === ERROR))
  const requestOf = (found: readonly ExportedSpan[]): ExportedSpan => only(found.filter(({ kind }) => kind === SERVER))

  describe('1. the alert', () => {
    it('fires at the very first failure, and says of which task of which service', () => {
      expect(alert.labels).toMatchObject({ job: 'shop', afterglow_task_name: TASK })
      expect(alert.annotations['summary']).toContain(`${TASK} of shop`)
      expect(alert.annotations['summary']).not.toMatch(/\{\{|<no value>/)
    })

    it('has a first query for each of the three, and each finds the failure', async () => {
      const { promql = '', logql = '', traceql = '' } = alert.annotations
      const [series] = await prometheus.query(promql)
      expect(series?.metric).toMatchObject({ error_type: 'SearchIndexError', http_route: '/failing-task' })
      expect(askLogs(logql, logs).map(({ spanId }) => spanId)).toEqual([failedRun().spanId])
      expect(askSpans(traceql, spans)).toEqual([failedRun()])
    })

    it('has a runbook, which is a panel of the Runbooks dashboard', async () => {
      const url = new URL(alert.annotations['runbook_url'] ?? '')
      const panels = panelsOf(await readDashboard(uidIn(url)))
      const panel = only(panels.filter(({ id }) => String(id) === url.searchParams.get('viewPanel')))
      expect(panel.title).toBe(alert.labels['alertname'])
    })
  })

  describe('2. its dashboard', () => {
    let panels: readonly Panel[]
    let variables: Readonly<Record<string, string>>
    let unknown: readonly string[]

    beforeAll(async () => {
      const url = new URL(alert.annotations['dashboard_url'] ?? '')
      const dashboard = await readDashboard(uidIn(url))
      panels = panelsOf(dashboard)
      const chosen = [...url.searchParams]
        .filter(([name]) => name.startsWith('var-'))
        .map(([name, value]) => [name.slice(4), value])
      const known = dashboard.templating.list.map(({ name }) => name)
      unknown = chosen.flatMap(([name = '']) => (known.includes(name) ? [] : [name]))
      variables = { ...EVERYTHING, ...(Object.fromEntries(chosen) as Record<string, string>), service: 'shop' }
    })

    const queriesTo = (type: string): readonly string[] =>
      panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ datasource, expr, query }) =>
          datasource?.type === type ? [substitute(expr ?? query ?? '', variables)] : [],
        ),
      )

    it('opens on the task, with panels that show its failure', async () => {
      expect(unknown).toEqual([])
      expect(variables).toMatchObject({ task: TASK, job: 'shop' })
      const answers = await Promise.all(queriesTo('prometheus').map((query) => prometheus.query(query)))
      const failed = answers
        .flat()
        .filter(({ metric, value }) => metric['error_type'] === 'SearchIndexError' && Number(value[1]) > 0)
      expect(failed.length).toBeGreaterThan(0)
    })

    it('3. lists the failed run, by its line and by its span, with what is needed to go on', () => {
      const lines = queriesTo('loki')
        .filter((query) => query.startsWith('{'))
        .flatMap((query) => askLogs(query, logs))
      const line = lines.find(({ spanId }) => spanId === failedRun().spanId)
      expect(line && labelsOf(line)).toMatchObject({
        afterglow_task_name: TASK,
        afterglow_task_outcome: 'failed',
        error_type: 'SearchIndexError',
        exception_message: "could not index 'lamp'",
        afterglow_request_route: '/failing-task',
        trace_id: failedRun().traceId,
      })
      const searches = queriesTo('tempo').filter(
        (query) => /^\{[^]*\}( \| select|$)/.test(query) && !query.includes('duration'),
      )
      const search = searches.find((query) => askSpans(query, spans).includes(failedRun()))
      expect(search).toBeDefined()
      for (const attribute of selectedBy(search ?? '')) expect(failedRun().attributes).toHaveProperty([attribute])
    })
  })

  describe('4. its trace', () => {
    it('has the request that answered 200 above the run that failed', () => {
      const trace = askSpans(failedRun().traceId, spans)
      const request = requestOf(trace)
      expect(request.attributes).toMatchObject({ 'http.route': '/failing-task', 'http.response.status_code': 200 })
      expect(failedRun()).toMatchObject({ parentSpanId: request.spanId, status: { message: "could not index 'lamp'" } })
    })

    it('5. leads to its lines, of which one has the error with its stack', () => {
      const toLogs = tempo.jsonData.tracesToLogsV2!
      const query = fillIn(toLogs.query, {
        __tags: tagsOf(toLogs, failedRun()),
        '__trace.traceId': failedRun().traceId,
      })
      const errors = askLogs(query, logs).filter(({ eventName }) => eventName === names.LOG_EVENTS.exception)
      const stack = String(only(errors).attributes[names.EXCEPTION_STACKTRACE])
      expect(stack).toMatch(/^SearchIndexError: could not index 'lamp'\n/)
      expect(stack).toContain('ECONNREFUSED 127.0.0.1:9200')
    })

    it('leads to the metrics of its task', async () => {
      const toMetrics = tempo.jsonData.tracesToMetrics!
      const [outcomes] = toMetrics.queries
      const variables = { __tags: tagsOf(toMetrics, failedRun()), __rate_interval: '5m' }
      const series = await prometheus.query(fillIn(outcomes?.query ?? '', variables))
      expect(series.map(({ metric }) => metric['afterglow_task_outcome'])).toContain('failed')
      expect(new Set(series.map(({ metric }) => metric['afterglow_task_name']))).toEqual(new Set([TASK]))
    })
  })

  describe('6. the line that broke', () => {
    it('is where the error was made', async () => {
      const url = follow('Line that broke', failedRun()) ?? ''
      const [, path = '', line] = /^https:\/\/git\.example\/shop\/blob\/main\/(.+)#L(\d+)$/.exec(url) ?? []
      expect(path).toBe('examples/shop/services.ts')
      const source = (await readFile(join(root, path), 'utf8')).split('\n')[Number(line) - 1]
      expect(source).toContain('throw new SearchIndexError')
    })

    it('is on the log line too', () => {
      const line = only(
        logs.filter(
          ({ eventName, spanId }) => eventName === names.LOG_EVENTS.exception && spanId === failedRun().spanId,
        ),
      )
      expect(relative(root, String(line.attributes[names.CODE_FILE_PATH]))).toBe('examples/shop/services.ts')
      expect(
        `${String(line.attributes[names.CODE_FILE_PATH])}:${String(line.attributes[names.CODE_LINE_NUMBER])}`,
      ).toBe(failedRun().attributes[names.ERROR_LOCATION])
    })
  })

  describe('7. the request', () => {
    it.each([
      ['of the same trace', TASK, '/failing-task'],
      ['of another trace', 'fails', '/fails-linked'],
    ])('that caused a run, %s, is one click away', (_where, task, route) => {
      const run = failedRun(task)
      const request = requestOf(askSpans(follow('Request that caused this run', run) ?? '', spans))
      expect(request.attributes['http.route']).toBe(route)
      expect(request.attributes[names.SUBMITTED_IDS]).toContain(run.attributes[names.TASK_ID])
      expect(request.traceId === run.traceId).toBe(task === TASK)
    })

    it('leads back to the runs that it caused, in whichever trace', () => {
      for (const run of [failedRun(), failedRun('fails')]) {
        const request = requestOf(askSpans(follow('Request that caused this run', run) ?? '', spans))
        expect(askSpans(follow('Tasks that this request added', request) ?? '', spans)).toEqual([run])
        expect(askSpans(follow('All tasks of that request', run) ?? '', spans)).toEqual([run])
        expect(follow('Request that caused this run', request)).toBeUndefined()
      }
    })
  })

  describe('from a log line', () => {
    it.each([
      ['trace', (run: ExportedSpan) => [run]],
      ['siblings', (run: ExportedSpan) => [run]],
      ['attempts', (run: ExportedSpan) => [run]],
    ])('its %s is one click away', (name, wanted) => {
      const run = failedRun('fails')
      const line = only(
        logs.filter(({ eventName, spanId }) => eventName === names.LOG_EVENTS.exception && spanId === run.spanId),
      )
      expect(askSpans(queryOf(name, line), spans)).toEqual(wanted(run))
    })

    it('its request is one click away', () => {
      const run = failedRun('fails')
      const line = only(
        logs.filter(({ eventName, spanId }) => eventName === names.LOG_EVENTS.exception && spanId === run.spanId),
      )
      expect(requestOf(askSpans(queryOf('request', line), spans)).attributes['http.route']).toBe('/fails-linked')
    })

    it('all lines of its task are one click away from the span', () => {
      const found = askLogs(follow('Log lines of this task', failedRun()) ?? '', logs)
      expect(found.map(({ eventName }) => eventName)).toContain(names.LOG_EVENTS.exception)
      for (const { attributes } of found) expect(attributes[names.TASK_ID]).toBe(failedRun().attributes[names.TASK_ID])
    })

    /** What a derived field asks of Tempo, by the one label that it matches. */
    function queryOf(name: string, line: ExportedLog): string {
      const field = loki.jsonData.derivedFields?.find((one) => one.name === name)
      const labels = Object.entries(labelsOf(line)).filter(([label]) =>
        new RegExp(field?.matcherRegex ?? '^$').test(label),
      )
      const [, value] = only(labels)
      return fillIn(field?.url ?? '', { '__value.raw': value })
    }
  })
})

const uidIn = (url: URL): string => /^\/d\/([\w-]+)/.exec(url.pathname)?.[1] ?? ''

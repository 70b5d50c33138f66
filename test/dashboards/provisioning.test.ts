// The provisioning files, as Grafana reads them: nothing in them that it does not know, and links that lead somewhere.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { DATASOURCES, UIDS } from '../../dashboards/config.ts'
import { labelOf, seriesOf } from '../../docs/build/prometheus-names.ts'
import { usedOn } from '../../docs/build/telemetry-docs.ts'
import * as names from '../../src/telemetry/names.ts'
import { ATTRIBUTES, METRICS } from '../../src/telemetry/names/registry.ts'
import { readDashboard } from '../support/dashboards.ts'
import {
  errorsIn,
  fillIn,
  followed,
  provisioned,
  provisionedDatasources,
  spanFields,
  tagsOf,
} from '../support/grafana.ts'
import { root } from '../support/otel-process.ts'
import type { ExportedSpan } from '../support/otlp-json.ts'

const path = 'dashboards/provisioning/datasources.yaml'
const text = readFileSync(join(root, path), 'utf8')
const SOURCE_URL = 'https://git.example/shop/blob/${version}/${path}#L${line}'
const datasources = provisionedDatasources({ AFTERGLOW_SOURCE_URL: SOURCE_URL })
const of = (type: string) => {
  const found = datasources.find((one) => one.type === type)
  if (!found) throw new Error(`no datasource of type ${type}`)
  return found
}
const correlations = of('tempo').correlations ?? []
const uids = datasources.map(({ uid }) => uid)

const ID = '9f86d081884c7d659a2feaa0c55ad015'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const spanWith = (attributes: ExportedSpan['attributes'], more: Partial<ExportedSpan> = {}): ExportedSpan => ({
  traceId: 'f'.repeat(32),
  spanId: 'e'.repeat(16),
  parentSpanId: undefined,
  name: 'a span',
  kind: 1,
  status: {},
  links: [],
  resource: { 'service.name': 'shop', 'service.version': '1.2.3', 'process.pid': 7 },
  attributes,
  ...more,
})
const run = spanWith({
  [names.TASK_NAME]: 'send-welcome-email',
  [names.TASK_ID]: ID,
  [names.TASK_ATTEMPT]: 1,
  [names.TASK_OUTCOME]: 'failed',
  [names.REQUEST_TRACE_ID]: TRACE,
  [names.ERROR_LOCATION]: '/app/src/mail.ts:17',
})
const request = spanWith(
  { 'http.route': '/register', [names.SUBMITTED_COUNT]: 2, [names.SUBMITTED_IDS]: [ID, ID] },
  { traceId: TRACE, kind: 2 },
)
const linksOf = (span: ExportedSpan): Readonly<Record<string, string>> =>
  Object.fromEntries(
    correlations.flatMap((correlation) => {
      const target = followed(correlation, spanFields(span))
      return target ? [[correlation.label, target['query'] ?? target['expr'] ?? target['url'] ?? '']] : []
    }),
  )

describe('datasources', () => {
  it('are the three, and every link leads to one of them', () => {
    expect(datasources.map(({ type, uid }) => [type, uid])).toEqual(Object.entries(DATASOURCES))
    const { jsonData } = of('tempo')
    const targets = [
      ...correlations.flatMap(({ targetUID }) => (targetUID === undefined ? [] : [targetUID])),
      ...(of('loki').jsonData.derivedFields ?? []).map(({ datasourceUid }) => datasourceUid),
      ...(of('prometheus').jsonData.exemplarTraceIdDestinations ?? []).map(({ datasourceUid }) => datasourceUid),
      ...[jsonData.tracesToLogsV2, jsonData.tracesToMetrics, jsonData.serviceMap].map((one) => one?.datasourceUid),
    ]
    expect(targets.length).toBeGreaterThan(8)
    for (const target of targets) expect(uids).toContain(target)
  })

  it('have no key that Grafana does not know', () => {
    const known = ['name', 'uid', 'type', 'access', 'url', 'isDefault', 'jsonData', 'correlations']
    for (const one of datasources) expect(Object.keys(one).filter((key) => !known.includes(key))).toEqual([])
    expect(Object.fromEntries(datasources.map(({ type, jsonData }) => [type, Object.keys(jsonData)]))).toEqual({
      prometheus: ['httpMethod', 'prometheusType', 'timeInterval', 'manageAlerts', 'exemplarTraceIdDestinations'],
      loki: ['maxLines', 'derivedFields'],
      tempo: ['tracesToLogsV2', 'tracesToMetrics', 'spanBar', 'nodeGraph', 'serviceMap'],
    })
  })

  it('ask the environment of Grafana for the address of source code, and nothing else', () => {
    const asked = [
      ...text
        .replaceAll(/^\s*#.*$/gm, '')
        .replaceAll('$$', '')
        .matchAll(/\$\{?(\w+)/g),
    ]
    expect(asked.map(([, name]) => name)).toEqual(['AFTERGLOW_SOURCE_URL'])
  })

  it('use attributes, metrics and labels that are exported', () => {
    const plain = text.replaceAll('\\.', '.')
    const attributes = new Set(Object.keys(ATTRIBUTES))
    const prometheus = new Set([...METRICS.flatMap(seriesOf), ...Object.keys(ATTRIBUTES).map(labelOf)])
    const dotted = [...plain.matchAll(/\bafterglow(?:\.\w+)+/g)].map(([name]) => name)
    const flat = [...plain.matchAll(/\bafterglow(?:_\w+)+/g)].map(([name]) => name)
    expect(dotted.length).toBeGreaterThan(10)
    expect(dotted.filter((name) => !attributes.has(name))).toEqual([])
    expect(dotted.filter((name) => !usedOn(name).includes('spans'))).toEqual([])
    expect(flat.length).toBeGreaterThan(10)
    expect(flat.filter((name) => !prometheus.has(name))).toEqual([])
  })
})

describe('a trace leads to', () => {
  const { tracesToLogsV2: toLogs, tracesToMetrics: toMetrics } = of('tempo').jsonData

  it('its log lines', () => {
    const variables = { __tags: tagsOf(toLogs!, run), '__trace.traceId': run.traceId }
    const query = fillIn(toLogs!.query, variables)
    expect(query).toBe(`{service_name="shop"} | trace_id="${run.traceId}"`)
    expect(errorsIn('logql', query)).toEqual([])
    expect(toLogs!.customQuery).toBe(true)
  })

  it.each(toMetrics!.queries.map(({ name, query }) => [name, query]))('metrics: %s', (_name, query) => {
    const variables = { __tags: tagsOf(toMetrics!, run), __rate_interval: '4m' }
    const asked = fillIn(query, variables)
    expect(asked).toContain('{job="shop", afterglow_task_name="send-welcome-email"')
    expect(errorsIn('promql', asked)).toEqual([])
    // The span of a request has no task: the same query, of all tasks of its service.
    expect(errorsIn('promql', fillIn(query, { ...variables, __tags: tagsOf(toMetrics!, request) }))).toEqual([])
  })
})

describe('correlations', () => {
  it('have what Grafana does not start without', () => {
    for (const { label, description, type, targetUID, config } of correlations) {
      expect(label && description && config.field).toBeTruthy()
      // A query says so in its config (before 12.2 it had to), an external link outside of it.
      if (type === undefined)
        expect({ targetUID: uids.includes(targetUID ?? ''), type: config.type }).toEqual({
          targetUID: true,
          type: 'query',
        })
      else
        expect({ type, targetUID, inner: config.type }).toEqual({
          type: 'external',
          targetUID: undefined,
          inner: undefined,
        })
      for (const transformation of config.transformations) {
        expect(Object.keys(transformation)).toEqual(['type', 'field', 'expression', 'mapValue'])
        expect(['tags', 'serviceTags']).toContain(transformation.field)
      }
    }
  })

  it('lead from a run to its request, its lines, its siblings, its dashboard and the line that broke', () => {
    expect(linksOf(run)).toEqual({
      'Request that caused this run': TRACE,
      'All tasks of that request': `{ span.afterglow.request.trace_id = "${TRACE}" }`,
      'Log lines of this task': `{service_name="shop"} | afterglow_task_id="${ID}"`,
      'Dashboard of this task': '/d/afterglow-task?var-task=send-welcome-email',
      'All there is about this run': `/d/afterglow-run?var-run=${ID}&var-trace=${run.traceId}`,
      'Line that broke': 'https://git.example/shop/blob/1.2.3/src/mail.ts#L17',
    })
  })

  it('lead from a request to the tasks that it added', () => {
    expect(linksOf(request)).toEqual({
      'Tasks that this request added': `{ span.afterglow.request.trace_id = "${TRACE}" && 2 > 0 }`,
    })
  })

  it('know the dashboards and their variables', async () => {
    const urls = correlations.flatMap(({ config }) => config.target['url'] ?? []).filter((url) => url.startsWith('/d/'))
    expect(urls.map((url) => /^\/d\/([\w-]+)/.exec(url)?.[1])).toEqual([UIDS.task, UIDS.run])
    for (const url of urls) {
      const { templating } = await readDashboard(/^\/d\/([\w-]+)/.exec(url)?.[1] ?? '')
      const known = templating.list.map(({ name }) => name)
      for (const [, name] of url.matchAll(/var-(\w+)=/g)) expect(known).toContain(name)
    }
  })

  it('leave other spans alone', () => {
    expect(linksOf(spanWith({ 'db.system': 'postgresql', 'db.query.text': 'select "key" from t' }))).toEqual({})
  })

  it('ask queries that parse', () => {
    const asked = [run, request]
      .flatMap((span) => Object.values(linksOf(span)))
      .filter((query) => query.startsWith('{'))
    expect(asked).toHaveLength(3)
    for (const query of asked)
      expect(errorsIn(query.startsWith('{service_name') ? 'logql' : 'traceql', query)).toEqual([])
  })

  it('find their values wherever they stand among the attributes, and whatever stands beside them', () => {
    const busy = spanWith({
      'exception.message': '{"key":"afterglow.task.id","value":"nonsense"} }]',
      ...Object.fromEntries(Object.entries(run.attributes).toReversed()),
      'http.url': 'http://x/?a={b}',
    })
    expect(linksOf(busy)).toEqual(linksOf(run))
  })
})

describe('a log line leads by its labels to', () => {
  const fields = of('loki').jsonData.derivedFields ?? []
  const labels = [
    'service_name',
    'trace_id',
    'span_id',
    'afterglow_request_trace_id',
    'afterglow_request_span_id',
    'afterglow_task_id',
  ]

  it.each([
    ['trace', ['trace_id'], 'X'],
    ['request', ['afterglow_request_trace_id'], 'X'],
    ['siblings', ['afterglow_request_trace_id'], '{ span.afterglow.request.trace_id = "X" }'],
    ['attempts', ['afterglow_task_id'], '{ span.afterglow.task.id = "X" }'],
  ])('%s', (name, matched, asks) => {
    const field = fields.find((one) => one.name === name)
    expect(labels.filter((label) => new RegExp(field!.matcherRegex).test(label))).toEqual(matched)
    const query = fillIn(field!.url, { '__value.raw': 'X' })
    expect(query).toBe(asks)
    if (query.startsWith('{')) expect(errorsIn('traceql', query)).toEqual([])
  })

  it('nothing else', () => {
    expect(fields.map(({ name, matcherType }) => [name, matcherType])).toEqual(
      ['trace', 'request', 'siblings', 'attempts'].map((name) => [name, 'label']),
    )
  })
})

describe('the provider of dashboards', () => {
  it('reads the folder that compose mounts, and lets nobody change them in Grafana alone', () => {
    expect(provisioned('dashboards/provisioning/dashboards.yaml')).toEqual({
      apiVersion: 1,
      providers: [
        {
          name: 'koa-afterglow',
          type: 'file',
          folder: 'koa-afterglow',
          folderUid: 'koa-afterglow',
          allowUiUpdates: false,
          updateIntervalSeconds: 30,
          options: { path: '/etc/koa-afterglow/dashboards', foldersFromFilesStructure: false },
        },
      ],
    })
  })
})

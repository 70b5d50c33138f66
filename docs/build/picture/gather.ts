// Out of Prometheus and the files of the collector: what the picture shows, by the queries of the shipped dashboards.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import * as names from '../../../src/telemetry/names.ts'
import type { Alert, Cause, Line, Recorded, TraceSpan } from './recorded.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const STEP = 15
/** Of the Overview, by their titles. */
export const PANELS = { failures: 'Failures, by task', causes: 'Failed tasks by the route that added them' }

interface Where {
  readonly folder: string
  readonly prometheus: string
  readonly from: number
  readonly deploys: Recorded['deploys']
}
interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
  readonly values: readonly (readonly [number, string])[]
}

export async function gather({ folder, prometheus, from, deploys }: Where): Promise<Recorded> {
  const to = Date.now() / 1_000
  const ask = async <Data>(path: string, parameters: Readonly<Record<string, string | number>>): Promise<Data> => {
    const query = String(new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)])))
    const { data, error } = (await (await fetch(`${prometheus}/api/v1/${path}?${query}`)).json()) as {
      data: Data
      error?: string
    }
    if (error !== undefined) throw new Error(`${path} ${query}: ${error}`)
    return data
  }
  const range = `${Math.ceil(to - from)}s`
  const failures = await ask<{ result: Series[] }>('query_range', {
    query: queryOf(PANELS.failures, range),
    start: from,
    end: to,
    step: STEP,
  })
  const causes = await ask<{ result: Series[] }>('query', {
    query: queryOf(PANELS.causes, range),
  })
  const runs = await ask<{ result: Series[] }>('query', {
    query: `sum(increase(afterglow_task_settled_total{afterglow_task_outcome=~"completed|failed|timed_out|dropped|interrupted"}[${range}]))`,
  })
  const { alerts } = await ask<{ alerts: readonly AlertJson[] }>('alerts', {})
  const run = failedRun(folder)
  return {
    recordedOn: new Date(to * 1_000).toISOString().slice(0, 10),
    from: Math.round(from),
    to: Math.round(to),
    step: STEP,
    deploys: deploys.map(({ at, version }) => ({ at: Math.round(at), version })),
    failures: failures.result.map(({ metric, values }) => ({
      task: metric[label(names.TASK_NAME)] ?? '',
      counts: countsOf(values, { from, to }),
    })),
    runs: Math.round(Number(runs.result[0]?.value[1] ?? 0)),
    causes: causes.result.map(causeOf).toSorted((a, b) => b.failures - a.failures),
    alerts: alerts.map(alertOf),
    ...run,
  }
}

const label = (attribute: string): string => attribute.replaceAll('.', '_')

/** The expression of a panel of the Overview, with everything chosen and the windows of the picture. */
export function queryOf(title: string, range: string): string {
  const text = readFileSync(join(root, 'dashboards', 'grafana', 'afterglow-overview.json'), 'utf8')
  const { panels } = JSON.parse(text) as { panels: readonly PanelJson[] }
  const panel = panels.flatMap((one) => [one, ...(one.panels ?? [])]).find((one) => one.title === title)
  const expr = panel?.targets?.[0]?.expr
  if (expr === undefined) throw new Error(`the Overview has no panel '${title}' with a query`)
  return expr
    .replaceAll(/"\$\w+"/g, '".*"')
    .replaceAll(/\$__(?:rate_)?interval/g, `${STEP}s`)
    .replaceAll('$__range', range)
}
interface PanelJson {
  readonly title?: string
  readonly targets?: readonly { readonly expr?: string }[]
  readonly panels?: readonly PanelJson[]
}

function countsOf(values: Series['values'], { from, to }: { from: number; to: number }): readonly number[] {
  const counts = Array.from({ length: Math.floor((to - from) / STEP) + 1 }, () => 0)
  for (const [at, value] of values) counts[Math.round((at - from) / STEP)] = Math.round(Number(value) * 10) / 10
  return counts
}

const causeOf = ({ metric, value }: Series): Cause => ({
  route: metric[label(names.HTTP_ROUTE)] ?? '',
  task: metric[label(names.TASK_NAME)] ?? '',
  error: metric[label(names.ERROR_TYPE)] ?? '',
  failures: Math.round(Number(value[1])),
})

interface AlertJson {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: string
  readonly activeAt: string
}
const alertOf = ({ labels, annotations, state, activeAt }: AlertJson): Alert => ({
  name: labels['alertname'] ?? '',
  severity: labels['severity'] ?? '',
  state,
  since: Math.round(Date.parse(activeAt) / 1_000),
  summary: annotations['summary'] ?? '',
})

// ---- the run

type Attributes = readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[]
interface SpanJson {
  readonly traceId: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly message?: string }
  readonly attributes: Attributes
}
interface LogJson {
  readonly traceId: string
  readonly severityText: string
  readonly body: { readonly stringValue?: string }
  readonly attributes: Attributes
}
const [SERVER, CONSUMER] = [2, 5]

const valueOf = (attributes: Attributes, key: string): string =>
  Object.values(attributes.find((one) => one.key === key)?.value ?? {})[0] ?? ''

const requestsIn = <Json>(file: string): readonly Json[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Json)

/** The last task that failed for good in its request's trace, after more than one attempt, at a known line. */
function failedRun(folder: string): { readonly trace: readonly TraceSpan[]; readonly line: Line } {
  const spans = requestsIn<{ resourceSpans?: readonly { scopeSpans: readonly { spans: readonly SpanJson[] }[] }[] }>(
    join(folder, 'traces.jsonl'),
  ).flatMap(({ resourceSpans = [] }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  )
  const logs = requestsIn<{ resourceLogs?: readonly { scopeLogs: readonly { logRecords: readonly LogJson[] }[] }[] }>(
    join(folder, 'logs.jsonl'),
  ).flatMap(({ resourceLogs = [] }) =>
    resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap((scope) => scope.logRecords)),
  )
  const last = spans.findLast(
    ({ attributes }) =>
      valueOf(attributes, names.TASK_OUTCOME) === 'failed' &&
      Number(valueOf(attributes, names.TASK_ATTEMPT)) > 1 &&
      valueOf(attributes, names.ERROR_LOCATION) !== '',
  )
  if (!last) throw new Error('no task failed for good after several attempts')
  const whole = spans
    .filter(({ traceId, kind }) => traceId === last.traceId && (kind === SERVER || kind === CONSUMER))
    .toSorted((a, b) => (BigInt(a.startTimeUnixNano) < BigInt(b.startTimeUnixNano) ? -1 : 1))
  const log = logs.find(
    ({ traceId, attributes }) => traceId === last.traceId && valueOf(attributes, names.TASK_OUTCOME) === 'failed',
  )
  if (!log || !whole[0]) throw new Error('the failed run has no line, or no request')
  const began = BigInt(whole[0].startTimeUnixNano)
  return { trace: whole.map((span) => traceSpan(span, began)), line: lineOf(log) }
}

const traceSpan = (
  { name, kind, startTimeUnixNano, endTimeUnixNano, status, attributes }: SpanJson,
  began: bigint,
): TraceSpan => ({
  name: kind === SERVER ? `${valueOf(attributes, 'http.request.method')} ${valueOf(attributes, 'http.route')}` : name,
  isRequest: kind === SERVER,
  startMs: Number((BigInt(startTimeUnixNano) - began) / 1_000n) / 1_000,
  endMs: Number((BigInt(endTimeUnixNano) - began) / 1_000n) / 1_000,
  outcome: kind === SERVER ? valueOf(attributes, 'http.response.status_code') : valueOf(attributes, names.TASK_OUTCOME),
  message: status.message ?? '',
})

function lineOf({ traceId, severityText, body, attributes }: LogJson): Line {
  const of = (name: string): string => valueOf(attributes, name)
  return {
    level: severityText.toUpperCase(),
    message: body.stringValue ?? '',
    error: `${of(names.EXCEPTION_TYPE)}: ${of(names.EXCEPTION_MESSAGE)}`,
    location: `${relative(root, of(names.CODE_FILE_PATH))}:${of(names.CODE_LINE_NUMBER)}`,
    task: of(names.TASK_NAME),
    traceId,
    request: `${of(names.REQUEST_METHOD)} ${of(names.REQUEST_ROUTE)} ${of(names.REQUEST_STATUS_CODE)}`,
  }
}

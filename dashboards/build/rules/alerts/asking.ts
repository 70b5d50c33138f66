// What to ask first, and where to look: the same for all alerts that are about a task, a service or an instance.
import * as names from '../../../../src/telemetry/names.ts'
import { UIDS } from '../../../config.ts'
import { BAD } from '../../outcomes.ts'
import { labelOf, select, sumBy, type Matcher } from '../../promql.ts'
import type { MetricName } from '../../../../src/telemetry/names.ts'

const SERVICE = 'job="{job}"'
const NAME = '{task}'

type Where = Readonly<Record<string, Matcher>>
/** A value that the alert has, in the words of texts. */
export const said = (value: string): Matcher => ({ operator: '=', values: [value] })

export const ofService = (metric: MetricName, where: Where = {}): string => select(metric, { scope: SERVICE, where })
export const ofInstance = (metric: MetricName, where: Where = {}): string =>
  select(metric, { scope: `${SERVICE},instance="{instance}"`, where })
const seriesOfTask = (metric: MetricName, where: Where = {}): string =>
  ofService(metric, { [names.TASK_NAME]: said(NAME), ...where })

type Filters = Readonly<Record<string, string>>
/** Lines of the service. A value with `|` in it is one of several. */
export function lines(event: string, filters: Filters = {}): string {
  const all = Object.entries({ event_name: event, ...filters }).map(
    ([name, value]) => `${labelOf(name)}${value.includes('|') ? '=~' : '='}"${value}"`,
  )
  return [`{service_name="{service}"}`, ...all].join(' | ')
}

export const spans = (filter: string): string => `{ resource.service.name = "{service}" && ${filter} }`
const spansOfTask = (filter: string): string => spans(`span.${names.TASK_NAME} = "${NAME}" && ${filter}`)

/** To paste and read; rules have `gained()`, which also knows of gaps and restarts. */
export const withinHour = (series: string): string =>
  `last_over_time(${series}[1h]) - (${series} offset 1h or 0 * last_over_time(${series}[1h]))`

const FACTS = [names.TASK_ID, names.ERROR_TYPE, names.ERROR_LOCATION, names.REQUEST_ROUTE, names.REQUEST_TRACE_ID]
const facts = FACTS.map((name) => `span.${name}`).join(', ')

export const ofTask = {
  dashboard: { uid: UIDS.task, choose: { task: names.TASK_NAME } },
  series: seriesOfTask,
  lines: (event: string, filters: Filters = {}): string => lines(event, { [names.TASK_NAME]: NAME, ...filters }),
  spans: spansOfTask,
  /** With which error, because of which route; what the lines say; the runs with their requests. */
  failures: {
    promql: `${sumBy([names.ERROR_TYPE, names.HTTP_ROUTE], withinHour(seriesOfTask(names.FAILURES)))} > 0`,
    logql: lines(names.LOG_EVENTS.exception, { [names.TASK_NAME]: NAME, [names.TASK_OUTCOME]: 'failed|timed_out' }),
    traceql: `${spansOfTask(`span.${names.TASK_OUTCOME} =~ "${BAD.join('|')}"`)} | select(${facts})`,
  },
} as const

// Links carry what was chosen, the time that is looked at, and what was clicked.
import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard'
import { TASK_NAME } from '../../src/telemetry/names.ts'
import { runbookUrl, TAG, UIDS, type AlertName, type Config } from '../config.ts'
import { labelOf } from './promql.ts'

/** What every dashboard can be asked for. */
const CARRIED = ['datasource', 'loki', 'tempo', 'environment', 'job'].map((name) => `\${${name}:queryparam}`).join('&')

/** A column of the row that was clicked. */
export const field = (column: string): string => `\${__data.fields["${column}"]:percentencode}`
export const CLICKED = '${__value.raw:percentencode}'
/** The task that a series is about. */
export const SERIES_TASK = `\${__field.labels.${labelOf(TASK_NAME)}:percentencode}`

/** `{ task: field('Task') }` becomes `var-task=...`. */
export function toDashboard(uid: string, chosen: Readonly<Record<string, string>>): string {
  const variables = Object.entries(chosen).map(([name, value]) => `var-${name}=${value}`)
  return `/d/${uid}?${[CARRIED, '${__url_time_range}', ...variables].join('&')}`
}

/** A trace in Explore, by its id. Only the JSON around Grafana's own `${...}` may be encoded. */
export function toTrace(id: string): string {
  const query = { refId: 'A', datasource: { type: 'tempo', uid: '${tempo}' }, queryType: 'traceql', query: id }
  const range = { from: '${__from}', to: '${__to}' }
  const panes = JSON.stringify({ afterglow: { datasource: '${tempo}', queries: [query], range } })
  const encoded = panes.split(/(\$\{[^}]*\})/).map((part) => (part.startsWith('${') ? part : encodeURIComponent(part)))
  return `/explore?schemaVersion=1&panes=${encoded.join('')}`
}

export const link = (title: string, url: string): DashboardLinkBuilder => new DashboardLinkBuilder(title).url(url)

export const runbookLink = (config: Config, alert: AlertName): DashboardLinkBuilder =>
  link(`Runbook: ${alert}`, runbookUrl(config, alert))

export const toTask = (task: string): DashboardLinkBuilder => link('Task detail', toDashboard(UIDS.task, { task }))

/** To all dashboards of the project, with what was chosen and the time. */
export const siblings = (): DashboardLinkBuilder =>
  new DashboardLinkBuilder('koa-afterglow')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .asDropdown(false)
    .includeVars(true)
    .keepTime(true)

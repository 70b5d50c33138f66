// What was logged: as lines, or as a table of the fields that matter.
import { LogsDedupStrategy, LogsSortOrder } from '@grafana/grafana-foundation-sdk/common'
import type { Panel, DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { PanelBuilder as LogsPanel } from '@grafana/grafana-foundation-sdk/logs'
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table'
import { labelOf } from '../promql.ts'
import { logCounts, logLines } from '../queries.ts'
import { LOKI } from '../variables.ts'
import { dressed, type Spec } from './common.ts'
import type { Key } from './table.ts'

export interface LinesSpec extends Omit<Spec, 'queries'> {
  readonly expr: string
  /** @default 200 */
  readonly maxLines?: number
}

export const logs = (spec: LinesSpec): Builder<Panel> =>
  dressed(new LogsPanel(), { ...spec, queries: [logLines(spec.expr, spec.maxLines ?? 200)] }, LOKI)
    .showTime(true)
    .enableLogDetails(true)
    .wrapLogMessage(true)
    .sortOrder(LogsSortOrder.Descending)
    .dedupStrategy(LogsDedupStrategy.None)

export interface LogTableSpec extends LinesSpec {
  /** Fields of the lines, in this order; the time comes first. */
  readonly keys: readonly Key[]
  readonly noValue: string
}

/** A row per line, newest first. Loki gives a line's fields as one object, `labels`. */
export function logTable(spec: LogTableSpec): TablePanel {
  const { keys, expr, maxLines = 50 } = spec
  const fields = ['Time', ...keys.map(({ of }) => labelOf(of))]
  const panel = dressed(new TablePanel(), { ...spec, queries: [logLines(expr, maxLines)] }, LOKI)
    .noValue(spec.noValue)
    .transformations([
      { id: 'extractFields', options: { source: 'labels', format: 'json', replace: false, keepTime: false } },
      { id: 'filterFieldsByName', options: { include: { names: fields } } },
      { id: 'organize', options: { excludeByName: {}, ...laidOut(keys) } },
    ])
    .overrideByName('Time', [{ id: 'custom.width', value: 170 }])
  for (const key of keys) linked(panel, key)
  return panel
}

/** A row per set of labels that a count has, the largest first. */
export function logCountTable(spec: Omit<LogTableSpec, 'maxLines'>): TablePanel {
  const panel = dressed(new TablePanel(), { ...spec, queries: [logCounts(spec.expr)] }, LOKI)
    .noValue(spec.noValue)
    .transformations([
      // A frame per series, its labels beside the value, and all of them one table.
      { id: 'labelsToFields', options: { mode: 'columns' } },
      { id: 'merge', options: {} },
      { id: 'organize', options: { excludeByName: { Time: true }, ...laidOut(spec.keys) } },
    ])
  for (const key of spec.keys) linked(panel, key)
  return panel
}

function laidOut(keys: readonly Key[]): object {
  const named = keys.map(({ of, title }) => [labelOf(of), title])
  const order = ['Time', ...keys.map(({ of }) => labelOf(of))].map((name, at) => [name, at])
  return {
    indexByName: Object.fromEntries(order) as object,
    renameByName: Object.fromEntries([...named, ['Value', 'Count'], ['Value #A', 'Count']]) as object,
  }
}

function linked(panel: TablePanel, { title, links = [], width }: Key): void {
  const values: { id: string; value: DashboardLink[] | number }[] = []
  if (links.length > 0) values.push({ id: 'links', value: links.map((link) => link.build()) })
  if (width !== undefined) values.push({ id: 'custom.width', value: width })
  if (values.length > 0) panel.overrideByName(title, values)
}

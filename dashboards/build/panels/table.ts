// Rows by label, a column of numbers per query; a click on a cell leads on with what its row is about.
import { TableCellDisplayMode, TableSortByFieldStateBuilder } from '@grafana/grafana-foundation-sdk/common'
import type { DashboardLink, DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/table'
import { labelOf } from '../promql.ts'
import { forTable } from '../queries.ts'
import { PROMETHEUS } from '../variables.ts'
import { alarm, dressed, type Spec } from './common.ts'

export interface Column {
  readonly title: string
  readonly expr: string
  readonly unit: string
  /** Red from here. */
  readonly alarmAbove?: number
  /** Red below this. */
  readonly alarmBelow?: number
  readonly decimals?: number
}
/** A column of text: an attribute, or a label that Prometheus makes. */
export interface Key {
  readonly title: string
  readonly of: string
  readonly links?: readonly Builder<DashboardLink>[]
  readonly width?: number
}
export interface TableSpec extends Omit<Spec, 'queries'> {
  readonly keys: readonly Key[]
  /** The first has a value in every row that there is. */
  readonly columns: readonly Column[]
  /** The largest first. @default the first column */
  readonly sortBy?: string
  /** What to say when there is not one row. */
  readonly noValue: string
}

export function table(spec: TableSpec): PanelBuilder {
  const { keys, columns, sortBy = columns[0]?.title ?? '' } = spec
  const panel = dressed(new PanelBuilder(), { ...spec, queries: forTable(columns.map(({ expr }) => expr)) }, PROMETHEUS)
    .noValue(spec.noValue)
    .thresholds(alarm(undefined))
    .transformations([
      { id: 'merge', options: {} },
      { id: 'organize', options: organized(keys, columns) },
    ])
    .sortBy([new TableSortByFieldStateBuilder().displayName(sortBy).desc(true)])
  for (const { title, links = [], width } of keys)
    panel.overrideByName(title, [
      ...(links.length > 0 ? [{ id: 'links', value: links.map((link) => link.build()) }] : []),
      ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
    ])
  for (const column of columns) panel.overrideByName(column.title, looksOf(column))
  return panel
}

function looksOf({ unit, alarmAbove, alarmBelow, decimals }: Column): DynamicConfigValue[] {
  const red = [
    { id: 'thresholds', value: alarm(alarmAbove, { below: alarmBelow }).build() },
    { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } },
  ]
  return [
    { id: 'unit', value: unit },
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(alarmAbove === undefined && alarmBelow === undefined ? [] : red),
  ]
}

/** Grafana calls the value of a query `Value #A`, and just `Value` where no other query found anything. */
function organized(keys: readonly Key[], columns: readonly Column[]): object {
  const values = columns.map(({ title }, at) => [`Value #${String.fromCodePoint(65 + at)}`, title] as const)
  const labels = keys.map(({ of, title }) => [labelOf(of), title] as const)
  const order = [...labels, ...values].map(([name], at) => [name, at])
  return {
    excludeByName: { Time: true },
    indexByName: Object.fromEntries(order) as object,
    renameByName: Object.fromEntries([...labels, ['Value', columns[0]?.title], ...values]) as object,
  }
}

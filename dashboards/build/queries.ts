// One query each, in the four forms that panels ask in.
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import { DataqueryBuilder as LokiQuery, LokiQueryDirection } from '@grafana/grafana-foundation-sdk/loki'
import { DataqueryBuilder as PromQuery, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { DataqueryBuilder as TempoQuery, SearchTableType } from '@grafana/grafana-foundation-sdk/tempo'
import { LOKI, PROMETHEUS, TEMPO } from './variables.ts'

export type Query = Builder<Dataquery>
/** An expression, and what its series are called: `{{afterglow_task_name}}`, or a word. */
export type Line = readonly [expr: string, legend: string]

const refId = (at: number): string => String.fromCodePoint(65 + at)

export const overTime = (lines: readonly Line[]): readonly Query[] =>
  lines.map(([expr, legend], at) => prometheus(expr, at).range().legendFormat(legend))

/** Asked once, at the end of the time that is looked at. */
export const atTheEnd = (lines: readonly Line[]): readonly Query[] =>
  lines.map(([expr, legend], at) => prometheus(expr, at).instant().legendFormat(legend))

export const forTable = (expressions: readonly string[]): readonly Query[] =>
  expressions.map((expr, at) => prometheus(expr, at).instant().format(PromQueryFormat.Table))

export const forHeatmap = (expr: string): readonly Query[] => [
  prometheus(expr, 0).range().format(PromQueryFormat.Heatmap).legendFormat('{{le}}'),
]

const prometheus = (expr: string, at: number): PromQuery =>
  new PromQuery().datasource(PROMETHEUS).refId(refId(at)).expr(expr)

export const withExemplars = ([expr, legend]: Line): Query =>
  prometheus(expr, 0).range().legendFormat(legend).exemplar(true)

export const logLines = (expr: string, maxLines: number): Query =>
  new LokiQuery()
    .datasource(LOKI)
    .refId('A')
    .queryType('range')
    .expr(expr)
    .maxLines(maxLines)
    .direction(LokiQueryDirection.Backward)

export const logCounts = (expr: string): Query =>
  new LokiQuery().datasource(LOKI).refId('A').queryType('instant').expr(expr)

export const logRates = ([expr, legend]: Line): Query =>
  new LokiQuery().datasource(LOKI).refId('A').queryType('range').expr(expr).legendFormat(legend)

/** One row per span that was found. */
export const spans = (query: string, limit: number): Query =>
  new TempoQuery()
    .datasource(TEMPO)
    .refId('A')
    .queryType('traceql')
    .query(query)
    .limit(limit)
    .spss(3)
    .tableType(SearchTableType.Spans)
    .filters([])

export const trace = (id: string): Query =>
  new TempoQuery().datasource(TEMPO).refId('A').queryType('traceql').query(id).filters([])

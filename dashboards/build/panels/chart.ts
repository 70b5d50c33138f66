// Values over time: lines to compare, or bars that stack up to a whole.
import {
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { overTime, type Line, type Query } from '../queries.ts'
import { PROMETHEUS } from '../variables.ts'
import { alarm, dressed, fixed, type Links, type Spec } from './common.ts'

export interface ChartSpec extends Omit<Spec, 'queries'> {
  readonly lines?: readonly Line[]
  /** Instead of lines, if they are no plain PromQL. */
  readonly queries?: readonly Query[]
  readonly unit: string
  /** A dashed red line here. */
  readonly alarmAbove?: number
  /** Parts of a whole. @default 'lines' */
  readonly draw?: 'lines' | 'stacked bars' | 'stacked area'
  /** By the legend of a series: regular expression to colour. The others get one each, by their name. */
  readonly colours?: Readonly<Record<string, string>>
  readonly decimals?: number
  readonly max?: number
  readonly min?: number
  /** Of each point. */
  readonly dataLinks?: Links
}

export function chart(spec: ChartSpec): PanelBuilder {
  const { lines = [], queries = overTime(lines), alarmAbove, colours = {}, decimals, max, dataLinks } = spec
  const panel = dressed(new PanelBuilder(), { ...spec, queries }, PROMETHEUS)
    .unit(spec.unit)
    .min(spec.min ?? 0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName))
    .thresholds(alarm(alarmAbove, { neutral: 'transparent' }))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(styleOf(alarmAbove)))
    .legend(legend())
    .tooltip(tooltip())
    .showPoints(VisibilityMode.Auto)
    .lineWidth(1)
  if (max !== undefined) panel.max(max)
  if (decimals !== undefined) panel.decimals(decimals)
  if (dataLinks) panel.dataLinks([...dataLinks])
  for (const [series, colour] of Object.entries(colours))
    panel.overrideByRegexp(`/^(?:${series})$/`, [{ id: 'color', value: fixed(colour) }])
  return drawn(panel, spec.draw ?? 'lines')
}

function drawn(panel: PanelBuilder, how: NonNullable<ChartSpec['draw']>): PanelBuilder {
  if (how === 'lines') return panel.fillOpacity(0)
  const stacked = panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  return how === 'stacked bars'
    ? stacked.drawStyle(GraphDrawStyle.Bars).fillOpacity(70).lineWidth(0)
    : stacked.fillOpacity(30)
}

const styleOf = (alarmAbove: number | undefined): GraphThresholdsStyleMode =>
  alarmAbove === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed

/** All series at once, the largest first. */
function tooltip(): VizTooltipOptionsBuilder {
  const order = 'sort' // to the linter `.sort()` sorts an array in place
  return new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi)[order](SortOrder.Descending)
}

const legend = (): VizLegendOptionsBuilder =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([])

// How values spread over the buckets of a histogram, over time.
import { HeatmapColorMode, HeatmapColorOptionsBuilder, PanelBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { YAxisConfigBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { forHeatmap } from '../queries.ts'
import { PROMETHEUS } from '../variables.ts'
import { dressed, type Spec } from './common.ts'

export interface HeatmapSpec extends Omit<Spec, 'queries'> {
  /** By `le`. */
  readonly expr: string
  readonly unit: string
}

/** Blue, since more of it is not worse. */
export const heatmap = (spec: HeatmapSpec): PanelBuilder =>
  dressed(new PanelBuilder(), { ...spec, queries: forHeatmap(spec.expr) }, PROMETHEUS)
    .unit('short')
    .yAxis(new YAxisConfigBuilder().unit(spec.unit))
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Blues').steps(32).exponent(0.5))
    .cellGap(1)

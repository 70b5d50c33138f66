// What panels of every kind have: a name, a place, and words for whoever looks at it at night.
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DashboardLink,
  type DataTransformerConfig,
  type GridPos,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { panelId, type AlertName, type Config } from '../../config.ts'
import { runbookLink } from '../links.ts'

export interface Words {
  readonly title: string
  /** What it shows. */
  readonly what: string
  /** What it shows when all is well. */
  readonly good: string
  /** What to do when it does not. */
  readonly otherwise: string
  readonly runbook?: AlertName
}
export interface Place {
  /** Of 24. */
  readonly w: number
  readonly h: number
}
export type Links = readonly Builder<DashboardLink>[]

export interface Spec extends Words, Place {
  readonly config: Config
  readonly queries: readonly Builder<Dataquery>[]
  /** Of the panel as a whole. Those of its data are a matter of each kind. */
  readonly links?: Links
}

/** The methods that all builders of panels share. */
interface PanelBuilder extends Builder<Panel> {
  id(id: number): this
  title(title: string): this
  description(text: string): this
  datasource(ref: DataSourceRef): this
  gridPos(place: GridPos): this
  links(links: Builder<DashboardLink>[]): this
  targets(queries: Builder<Dataquery>[]): this
  transformations(steps: DataTransformerConfig[]): this
}

export const describe = ({ what, good, otherwise }: Words): string =>
  `${what}\n\n**Good:** ${good}\n\n**Otherwise:** ${otherwise}`

export function dressed<Of extends PanelBuilder>(panel: Of, spec: Spec, datasource: DataSourceRef): Of {
  const { config, runbook, queries, links = [], w, h } = spec
  const all = [...links, ...(runbook ? [runbookLink(config, runbook)] : [])]
  if (all.length > 0) panel.links(all)
  return panel
    .id(panelId(spec.title))
    .title(spec.title)
    .description(describe(spec))
    .datasource(datasource)
    .gridPos({ x: 0, y: 0, w, h })
    .targets([...queries])
}

/** Colour is for what is wrong: red from `above`, or below `below`, and none in between. */
export function alarm(
  above: number | undefined,
  { below, neutral = 'text' }: { readonly below?: number | undefined; readonly neutral?: string } = {},
): ThresholdsConfigBuilder {
  // JSON has no -Infinity: the first step begins at null.
  const first = { color: below === undefined ? neutral : 'red', value: null }
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([
      first,
      ...(below === undefined ? [] : [{ color: neutral, value: below }]),
      ...(above === undefined ? [] : [{ color: 'red', value: above }]),
    ])
}

export const byThreshold = (): FieldColorBuilder => new FieldColorBuilder().mode(FieldColorModeId.Thresholds)
export const fixed = (color: string): { mode: FieldColorModeId; fixedColor: string } => ({
  mode: FieldColorModeId.Fixed,
  fixedColor: color,
})

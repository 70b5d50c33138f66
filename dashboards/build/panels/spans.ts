// What was traced: spans that were searched for, as rows, or one whole trace.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { DashboardLink, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table'
import { spans, trace } from '../queries.ts'
import { TEMPO } from '../variables.ts'
import { describe, dressed, type Spec, type Words, type Place } from './common.ts'
import { panelId } from '../../config.ts'

export interface SpansSpec extends Omit<Spec, 'queries'> {
  readonly query: string
  /** @default 20 */
  readonly limit?: number
  /** By attribute: where a click on its cell leads. Ids of spans and traces lead to the trace by themselves. */
  readonly linkOf?: Readonly<Record<string, readonly Builder<DashboardLink>[]>>
  readonly noValue: string
}

export function spanTable(spec: SpansSpec): TablePanel {
  const panel = dressed(new TablePanel(), { ...spec, queries: [spans(spec.query, spec.limit ?? 20)] }, TEMPO)
    .noValue(spec.noValue)
    .unit('string')
  panel.overrideByRegexp('/[Dd]uration/', [{ id: 'unit', value: 'ns' }])
  for (const [attribute, links] of Object.entries(spec.linkOf ?? {}))
    panel.overrideByRegexp(`/${attribute.replaceAll('.', String.raw`\.`)}$/`, [
      { id: 'links', value: links.map((link) => link.build()) },
    ])
  return panel
}

/** The SDK has no builder for the panel `traces`, which has no options either. */
export const traceView = (spec: Words & Place & { readonly id: string }): Builder<Panel> => ({
  build: () => ({
    id: panelId(spec.title),
    type: 'traces',
    title: spec.title,
    description: describe(spec),
    datasource: TEMPO,
    gridPos: { x: 0, y: 0, w: spec.w, h: spec.h },
    targets: [trace(spec.id).build()],
    options: {},
  }),
})

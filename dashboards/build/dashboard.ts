// The frame that all dashboards share: what can be chosen, what is marked in time, where it leads.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
  type AnnotationQuery,
  type Dashboard,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../src/telemetry/names.ts'
import { panelId, TAG, type Config } from '../config.ts'
import { siblings } from './links.ts'
import { logql } from './logql.ts'
import { select } from './promql.ts'
import { tidied } from './tidy.ts'
import { LOKI, PROMETHEUS, scopeOf, variables, type Choices } from './variables.ts'

export interface Sheet extends Choices {
  readonly config: Config
  readonly uid: string
  readonly title: string
  /** What it answers, in a sentence. */
  readonly question: string
  readonly rows: readonly Row[]
}
export interface Row {
  readonly title: string
  readonly panels: readonly Builder<Panel>[]
}

export function dashboard(sheet: Sheet): Dashboard {
  const { config, uid, title, question, rows } = sheet
  const builder = new DashboardBuilder(`koa-afterglow / ${title}`)
    .uid(uid)
    .description(question)
    .tags([TAG])
    .readonly()
    .time({ from: 'now-3h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([...variables(config, sheet)])
    .annotations([...annotations(config)])
    .link(siblings())
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(panelId(`row: ${row.title}`)))
    for (const panel of row.panels) builder.withPanel(panel)
  }
  return tidied(builder.build())
}

const SERVICE_VERSION = 'service_version'

/** Something that was not there two minutes ago. */
const fresh = (of: string, by: string): string => `sum by (${by}) (${of}) unless sum by (${by}) (${of} offset 2m)`

function annotations(config: Config): readonly Builder<AnnotationQuery>[] {
  const runners = select(names.RUNNER_INFO, { scope: scopeOf(config) })
  const mark = (name: string, colour: string) =>
    new AnnotationQueryBuilder().name(name).enable(true).iconColor(colour).datasource(PROMETHEUS).step('60s')
  return [
    new AnnotationQueryBuilder()
      .name('Annotations & Alerts')
      .builtIn(1)
      .type('dashboard')
      .datasource({ type: 'grafana', uid: '-- Grafana --' })
      .enable(true)
      .hide(true)
      .iconColor('rgba(0, 211, 255, 1)'),
    mark('Deploys', 'blue')
      .expr(fresh(runners, `job, ${SERVICE_VERSION}`))
      .titleFormat('{{job}} {{service_version}}')
      .textFormat('A version that did not run here before.'),
    mark('Process starts', 'rgb(142, 142, 142)')
      .enable(false)
      .expr(fresh(runners, 'job, instance'))
      .titleFormat('{{job}} started')
      .textFormat('{{instance}}'),
    mark('Drains', 'purple')
      .datasource(LOKI)
      .expr(logql({ events: [names.LOG_EVENTS.drained] }))
      .titleFormat('drained')
      .textFormat('{{afterglow_drain_settled}} ended, {{afterglow_drain_interrupted}} interrupted'),
  ]
}

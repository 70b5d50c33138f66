// Because of which requests: failures by route and task.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { BAR, type Expressions, grown } from '../expressions.ts'
import { field, link, SERIES_TASK, toDashboard, toTask } from '../links.ts'
import { chart } from '../panels/chart.ts'
import { table } from '../panels/table.ts'
import { labelOf, sumBy, type Matcher } from '../promql.ts'
import { UIDS } from '../../config.ts'

/** Of one task, or of all. */
export const causes = (
  config: Config,
  ask: Expressions,
  task: Readonly<Record<string, Matcher>> = {},
): readonly Builder<Panel>[] => [
  table({
    config,
    title: 'Failed tasks by the route that added them',
    what: 'Failures in this time by the route of the request and the task. The request itself was answered before; it does not know. No route: added outside of a request.',
    good: 'no rows.',
    otherwise:
      'one route with several tasks: what it hands to them, or what they share. One task from many routes: the task. Click the route for its runs.',
    keys: [
      {
        title: 'Route',
        of: names.HTTP_ROUTE,
        links: [link('Its failed runs', toDashboard(UIDS.run, { route: field('Route') }))],
      },
      { title: 'Task', of: names.TASK_NAME, links: [toTask(field('Task'))] },
      { title: 'Error', of: names.ERROR_TYPE },
    ],
    columns: [
      {
        title: 'Failures',
        expr: `${sumBy([names.HTTP_ROUTE, names.TASK_NAME, names.ERROR_TYPE], grown(ask.of(names.FAILURES, task), '$__range'))} > 0`,
        unit: 'short',
        decimals: 0,
      },
    ],
    noValue: 'Nothing failed in this time.',
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Failures, by route',
    what: 'The same over time, each failure in one bar.',
    good: 'empty.',
    otherwise: 'a route that begins alone was changed, or is sent something new.',
    lines: [
      [
        `${sumBy([names.HTTP_ROUTE, names.TASK_NAME], grown(ask.of(names.FAILURES, task), BAR))} > 0`,
        `{{${labelOf(names.HTTP_ROUTE)}}} {{${labelOf(names.TASK_NAME)}}}`,
      ],
    ],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    dataLinks: [toTask(SERIES_TASK)],
    w: 12,
    h: 8,
  }),
]

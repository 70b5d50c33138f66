// What panels of the dashboards show at the worst of each incident: the number in them that says what is wrong.
import type { UIDS } from '../../../dashboards/config.ts'
import type { DashboardJson, Panel } from '../dashboards.ts'
import { panelsOf } from '../dashboards.ts'
import type { Prometheus } from '../prometheus.ts'
import { ask } from '../promql.ts'
import type { LoadedIncident } from './load.ts'

export interface Shows {
  readonly dashboard: keyof typeof UIDS
  readonly panel: string
  /** The task that is chosen, where one must be. */
  readonly task?: string
  /** When, if not at its worst. */
  readonly minute?: number
  /** The largest of its numbers is so at least, or the smallest at most; or all that there are, are this. */
  readonly atLeast?: number
  readonly atMost?: number
  readonly only?: number
}

const ORDERS = 'send-order-confirmation'
const MINUTE = 60

export const SHOWN: Readonly<Record<string, readonly Shows[]>> = {
  'calm-day': [
    { dashboard: 'overview', panel: 'Failures, by task', only: 0 },
    { dashboard: 'overview', panel: 'Vanished with tasks in flight', only: 0 },
    { dashboard: 'overview', panel: 'Ledger balance', only: 0 },
    { dashboard: 'overview', panel: 'Least error budget left', only: 1 },
  ],
  'failing-deploy': [
    { dashboard: 'overview', panel: 'Failed runs', atLeast: 0.03 },
    { dashboard: 'overview', panel: 'Least error budget left', atMost: 0 },
    { dashboard: 'overview', panel: 'Failures, by task', atLeast: 4 },
    { dashboard: 'overview', panel: 'Failure ratio, by task', atLeast: 0.9 },
    { dashboard: 'overview', panel: 'Errors, most frequent first', atLeast: 20 },
    { dashboard: 'overview', panel: 'Failed tasks by the route that added them', atLeast: 20 },
    { dashboard: 'overview', panel: 'Failures, by route', atLeast: 4 },
    { dashboard: 'task', panel: 'Error budget left', task: ORDERS, atMost: 0 },
    { dashboard: 'task', panel: 'Failure ratio', task: ORDERS, atLeast: 0.9 },
    { dashboard: 'task', panel: 'Failures, by error', task: ORDERS, atLeast: 4 },
    { dashboard: 'task', panel: 'Attempts ended, by how', task: ORDERS, atLeast: 0.01 },
    { dashboard: 'task', panel: 'Run time, not completed', task: ORDERS, atLeast: 0.001 },
  ],
  'hung-task': [
    { dashboard: 'runner', panel: 'Oldest running task, by task', atLeast: 60 * MINUTE },
    { dashboard: 'task', panel: 'Running for', task: 'import-feed', atLeast: 60 * MINUTE },
    { dashboard: 'task', panel: 'Oldest that runs, by instance', task: 'import-feed', atLeast: 60 * MINUTE },
  ],
  'stuck-queue': [
    { dashboard: 'overview', panel: 'Oldest waiting task', atLeast: 15 * MINUTE },
    { dashboard: 'overview', panel: 'Fullest instance', atLeast: 1 },
    { dashboard: 'runner', panel: 'Oldest waiting task, by instance', atLeast: 15 * MINUTE },
    { dashboard: 'runner', panel: 'Slots taken, by instance', atLeast: 1 },
    { dashboard: 'runner', panel: 'In flight, by state', atLeast: 30 },
  ],
  'killed-process': [
    { dashboard: 'overview', panel: 'Vanished with tasks in flight', atLeast: 2 },
    { dashboard: 'runner', panel: 'Vanished with tasks in flight', atLeast: 2 },
    { dashboard: 'pipeline', panel: 'When was each instance last heard?', atLeast: 8 * MINUTE },
  ],
  'dead-collector': [
    { dashboard: 'overview', panel: 'Is this dashboard blind?', atLeast: 20 * MINUTE },
    { dashboard: 'pipeline', panel: 'Last heard', atLeast: 20 * MINUTE },
    { dashboard: 'pipeline', panel: 'Collectors that answer', only: 0 },
    { dashboard: 'pipeline', panel: 'Lost in applications', minute: 95, atLeast: 480 },
    { dashboard: 'pipeline', panel: 'Dropped by the SDK, by error', minute: 87, atLeast: 480 },
  ],
}

export interface Choice {
  readonly incident: LoadedIncident
  readonly task?: string | undefined
  readonly minute?: number | undefined
  /** What `$__range` is. @default six hours */
  readonly range?: string
}

/** All numbers of a panel at that minute, with the incident's environment chosen. */
export async function numbersOf(prometheus: Prometheus, panel: Panel, choice: Choice): Promise<readonly number[]> {
  const { incident, task = '.*', minute = incident.worst, range = '6h' } = choice
  const variables = {
    environment: incident.environment,
    task,
    collector: '.+',
    __range: range,
    __rate_interval: '5m',
    __interval: '5m',
  }
  const numbers: number[] = []
  for (const expr of promqlOf(panel))
    for (const { value } of await ask(prometheus, expr, { variables, time: incident.at(minute) }))
      numbers.push(Number(value[1]))
  return numbers
}

export const promqlOf = ({ targets = [] }: Panel): readonly string[] =>
  targets.flatMap(({ datasource, expr }) => (datasource?.type === 'prometheus' && expr !== undefined ? [expr] : []))

/** @throws Error if there is none */
export function panelNamed(dashboard: DashboardJson, title: string): Panel {
  const found = panelsOf(dashboard).find((panel) => panel.title === title)
  if (!found) throw new Error(`${dashboard.title} has no panel ${title}`)
  return found
}

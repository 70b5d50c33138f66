// What only the books of a service show: a task that is in none, a process that is gone, work that no longer comes.
import * as names from '../../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../../config.ts'
import { selectForeign, UP } from '../../foreign.ts'
import { is, labelOf, maxBy, select, sumBy } from '../../promql.ts'
import { group, INSTANCE, on, SERVICE, TASK } from '../idioms.ts'
import { RECORDED } from '../recorded.ts'
import type { Alert } from '../rule.ts'
import { lines, ofInstance, ofService, ofTask } from './asking.ts'

export const bookkeepingAlerts = (config: Config): readonly Alert[] => [
  ledgerImbalance(config),
  instanceVanished(config),
  trafficCeased(config),
  metricsAbsent(config),
]

const ofInstances = { uid: UIDS.runner, choose: { instance: 'instance' } } as const
const CAME_IN = { [names.SUBMISSION_RESULT]: is('accepted', 'fetched') }

/** Raw counters, read in one go by the application: `increase()` guesses, and would see losses that are none. */
const ledgerImbalance = ({ selector: scope }: Config): Alert => ({
  name: 'AfterglowLedgerImbalance',
  severity: 'warning',
  expr: `${sumBy(INSTANCE, select(names.SUBMISSIONS, { scope, where: CAME_IN }))}
  - ${sumBy(INSTANCE, select(names.SETTLED, { scope }))}
  - ${sumBy(INSTANCE, select(names.COUNT, { scope }))}
  != 0`,
  for: '3m',
  toldTo: 'installation',
  summary:
    'The books of {where} do not balance on {instance}: accepted, less ended, less in flight, is {count} and not 0',
  impact:
    'A task was lost or counted twice, which the runner promises not to do. Trust no count of this instance until it is known why.',
  dashboard: { ...ofInstances, last: '6h' },
  queries: {
    promql: `sum by (${labelOf(names.TASK_NAME)}) (${ofInstance(names.SUBMISSIONS, CAME_IN)}) - sum by (${labelOf(names.TASK_NAME)}) (${ofInstance(names.SETTLED)})`,
    logql: lines(names.LOG_EVENTS.failure_of_our_own),
  },
})

/** A runner that closed has nothing in flight in its last report. Where the whole service is silent, its pipeline may be. */
const instanceVanished = ({ selector: scope, thresholds: { stale } }: Config): Alert => {
  const info = `present_over_time(${select(names.RUNNER_INFO, { scope })}[${stale}s])`
  return {
    name: 'AfterglowInstanceVanished',
    severity: 'warning',
    expr: `${sumBy(INSTANCE, `last_over_time(${select(names.COUNT, { scope })}[1h])`)} > 0
unless ${on(INSTANCE)}
${info}
and ${on(SERVICE)}
${info}`,
    for: '2m',
    toldTo: 'installation',
    summary: '{instance} of {where} is gone without closing; in flight when it last reported: {count}',
    impact:
      'In-process tasks that it had accepted are lost, those that came after its last report too. Durable ones start again elsewhere.',
    dashboard: { uid: UIDS.runner, last: '3h' },
    queries: {
      promql: `${sumBy([names.TASK_STATE], `last_over_time(${ofInstance(names.COUNT)}[1h])`)} > 0`,
      logql: '{service_name="{service}"} | service_instance_id="{instance}"',
    },
  }
}

/** The same hour of yesterday; but not if that of a week ago was quiet, as on the first day of a weekend. */
const trafficCeased = ({ selector: scope, thresholds: { traffic } }: Config): Alert => ({
  name: 'AfterglowTrafficCeased',
  severity: 'warning',
  expr: `${RECORDED.accepted} offset 1d >= ${traffic}
unless ${on(TASK)}
(${RECORDED.accepted} > 0)
unless ${on(TASK)}
(${RECORDED.accepted} offset 1w == 0)
and ${on(SERVICE)}
${select(names.RUNNER_INFO, { scope })}`,
  for: '30m',
  toldTo: 'task',
  summary: '{task} of {where} was not added for an hour; in the same hour of yesterday, times: {count}',
  impact: 'Nothing fails, and nothing is done: whatever used to add this task no longer does, or no longer gets there.',
  dashboard: { ...ofTask.dashboard, last: '2d' },
  queries: {
    promql: `sum by (${labelOf(names.SUBMISSION_RESULT)}) (rate(${ofTask.series(names.SUBMISSIONS)}[1h]))`,
    logql: ofTask.lines(names.LOG_EVENTS.rejected),
  },
})

/** Where all collectors are down, that is the alert. */
const metricsAbsent = ({ selector: scope, collectorSelector, thresholds: { absent } }: Config): Alert => ({
  name: 'AfterglowMetricsAbsent',
  severity: 'critical',
  expr: `time() - ${maxBy(SERVICE, lastHeard(select(names.RUNNER_INFO, { scope })))} > ${absent}
unless on ()
(max(${selectForeign(UP, collectorSelector)}) == 0)`,
  for: '2m',
  toldTo: 'installation',
  summary: '{where} has sent no metrics for {duration}',
  impact: 'The service is down, or nobody can see it: no other alert about its tasks can fire.',
  dashboard: { uid: UIDS.pipeline, last: '12h' },
  queries: {
    promql: group(['instance'], `last_over_time(${ofService(names.RUNNER_INFO)}[6h])`),
    logql: '{service_name="{service}"}',
  },
})

/** The steps of a subquery lie on whole minutes: without the first half it would be up to five minutes behind. */
const lastHeard = (series: string): string => `timestamp(${series}) or max_over_time(timestamp(${series})[6h:5m])`

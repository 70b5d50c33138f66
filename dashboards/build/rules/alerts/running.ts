// Work that stands still, waits, hangs, or has no room. One cause is one alert: where a queue is stuck, what follows from
// it stays silent.
import * as names from '../../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../../config.ts'
import { is, labelOf, maxBy, select, sumBy } from '../../promql.ts'
import { INSTANCE, on, SERVICE, TASK } from '../idioms.ts'
import { RECORDED } from '../recorded.ts'
import type { Alert } from '../rule.ts'
import { lines, ofInstance, ofTask, spans } from './asking.ts'

export const runningAlerts = (config: Config): readonly Alert[] => [
  queueStuck(config),
  queueLagging(config),
  taskHung(config),
  saturated(config),
]

const ofInstances = { uid: UIDS.runner, choose: { instance: 'instance' } } as const
const unlessStuck = `unless ${on(INSTANCE)}\n${RECORDED.stuck}`

const queueStuck = ({ thresholds }: Config): Alert => ({
  name: 'AfterglowQueueStuck',
  severity: 'critical',
  expr: `${RECORDED.stuck} > ${thresholds.queueStuck}`,
  for: '1m',
  toldTo: 'installation',
  summary: 'The queue of {where} stands still: a task has waited for {duration}, and nothing ended in 5m on {instance}',
  impact:
    'No task of this instance is done, and more are accepted all the time. At the limit, routes that add tasks answer 503.',
  dashboard: { ...ofInstances, last: '3h' },
  queries: {
    promql: sumBy([names.TASK_STATE], ofInstance(names.COUNT)),
    logql: lines(names.LOG_EVENTS.stuck),
    traceql: spans(`span.${names.TASK_NAME} != nil && span.${names.TASK_OUTCOME} = "timed_out"`),
  },
})

const queueLagging = ({ selector: scope, thresholds }: Config): Alert => ({
  name: 'AfterglowQueueLagging',
  severity: 'warning',
  expr: `${maxBy(
    [...SERVICE, names.ENGINE],
    `\n  ${select(names.QUEUE_OLDEST_AGE, { scope })}\n  ${unlessStuck.replace('\n', '\n  ')}\n`,
  )} > ${thresholds.queueLagging}`,
  for: '10m',
  toldTo: 'installation',
  summary: 'Tasks of {where} wait: the oldest that is ready to run has for {duration} (engine {engine})',
  impact: 'Work is done, but late. If more comes in than ends, it is late by more and more, until adds are refused.',
  dashboard: { uid: UIDS.runner, last: '6h' },
  queries: {
    promql: `histogram_quantile(0.95, sum by (le, ${labelOf(names.TASK_NAME)}) (rate(${select(names.WAIT_DURATION, { scope: 'job="{job}"', part: 'bucket' })}[5m])))`,
    traceql: spans(`span.${names.TASK_WAIT_TIME} > ${thresholds.queueLagging}`),
  },
})

const taskHung = ({ selector: scope, thresholds }: Config): Alert => {
  const age = maxBy([...TASK, 'instance'], select(names.OLDEST_RUNNING_AGE, { scope }))
  return {
    name: 'AfterglowTaskHung',
    severity: 'warning',
    expr: `(
  ${age} > ${on(TASK)} group_left () ${thresholds.hungTimeouts} * ${RECORDED.timeout} + 60
  or
  (${age} > ${thresholds.hungWithoutTimeout} unless ${on(TASK)} ${RECORDED.timeout})
)
${unlessStuck}`,
    for: '2m',
    toldTo: 'task',
    summary: '{task} of {where} has run for {duration} on {instance}, and does not end',
    impact: 'It holds a slot and whatever it has locked, and it ends with no outcome: nothing else tells of it.',
    dashboard: { ...ofTask.dashboard, last: '6h' },
    queries: {
      promql: `max by (instance) (${ofTask.series(names.OLDEST_RUNNING_AGE)})`,
      logql: `{service_name="{service}"} | ${labelOf(names.TASK_NAME)}="{task}"`,
      traceql: ofTask.spans('duration > 1m'),
    },
  }
}

const saturated = ({ selector: scope, thresholds }: Config): Alert => {
  const part = (resource: string, taken: string, of: string): string =>
    `label_replace(${sumBy(INSTANCE, taken)} / ${sumBy(INSTANCE, of)}, "resource", "${resource}", "", "")`
  const running = select(names.COUNT, { scope, where: { [names.TASK_STATE]: is('running') } })
  return {
    name: 'AfterglowSaturated',
    severity: 'warning',
    expr: `(
  ${part('slots', running, select(names.CONCURRENCY_LIMIT, { scope }))}
  or
  ${part('room for tasks', select(names.COUNT, { scope }), select(names.QUEUE_CAPACITY, { scope }))}
) > ${thresholds.saturated}
${unlessStuck}`,
    for: '10m',
    toldTo: 'installation',
    summary: 'The runner of {where} is full: {percent} of its {resource} taken on {instance}',
    impact: 'Full slots make tasks wait. With no room for more, adds are refused and guarded routes answer 503.',
    dashboard: { ...ofInstances, last: '6h' },
    queries: {
      promql: `sum by (${labelOf(names.TASK_NAME)}) (rate(${select(names.RUN_DURATION, { scope: 'job="{job}",instance="{instance}"', part: 'sum' })}[5m]))`,
      logql: lines(names.LOG_EVENTS.rejected),
    },
  }
}

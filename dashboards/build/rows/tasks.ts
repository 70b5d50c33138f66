// Every task with what it does: how often, how long, how well.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import type { Expressions } from '../expressions.ts'
import { field, toTask } from '../links.ts'
import { BAD, RUNS } from '../outcomes.ts'
import { table, type Column } from '../panels/table.ts'
import { is, maxBy, sumBy } from '../promql.ts'

const BY = [names.TASK_NAME]

export const tasks = (config: Config, ask: Expressions): readonly Builder<Panel>[] => [
  table({
    config,
    title: 'Tasks',
    what: 'Every task that is registered or was added: its runs in this time, how many ended badly, what is left of its error budget, how long 95 of 100 completed runs took and waited, how long the oldest has run, and when it last failed.',
    good: 'nothing red; waiting far below running.',
    otherwise: 'click the task. Runs at 0 where there used to be some: its handler no longer adds it.',
    keys: [{ title: 'Task', of: names.TASK_NAME, links: [toTask(field('Task'))], width: 260 }],
    columns: columns(config, ask),
    sortBy: 'Failed',
    noValue: 'No task reports.',
    w: 24,
    h: 10,
  }),
  table({
    config,
    title: 'Who owns what',
    what: 'Tasks as their definitions say: the owner, the objective and the timeout.',
    good: 'every task that matters has an owner.',
    otherwise: `a task without one goes to ${config.owner}; \`defineTask({ owner, slo })\` changes it.`,
    keys: [
      { title: 'Task', of: names.TASK_NAME, links: [toTask(field('Task'))] },
      { title: 'Owner', of: names.TASK_OWNER },
      { title: 'Objective', of: names.TASK_SLO },
      { title: 'Timeout (s)', of: names.TASK_TIMEOUT },
    ],
    columns: [
      {
        title: 'Instances',
        expr: sumBy([names.TASK_NAME, names.TASK_OWNER, names.TASK_SLO, names.TASK_TIMEOUT], ask.of(names.TASK_INFO)),
        unit: 'short',
      },
    ],
    sortBy: 'Task',
    noValue: 'No task is registered.',
    w: 24,
    h: 8,
  }),
]

function columns(config: Config, ask: Expressions): readonly Column[] {
  const completed = { [names.TASK_OUTCOME]: is('completed') }
  const p95 = (metric: names.MetricName, where = {}) =>
    `histogram_quantile(0.95, ${sumBy(['le', ...BY], `rate(${ask.of(metric, where, 'bucket')}[$__range])`)})`
  const bad = ask.of(names.SETTLED, { [names.TASK_OUTCOME]: is(...BAD) })
  return [
    { title: 'Runs', expr: ask.ended(RUNS, { by: BY, range: '$__range' }), unit: 'short', decimals: 0 },
    { title: 'Failed', expr: ask.ended(BAD, { by: BY, range: '$__range' }), unit: 'short', decimals: 0 },
    {
      title: 'Failed %',
      expr: ask.failureRatio({ by: BY, range: '$__range' }),
      unit: 'percentunit',
      decimals: 2,
      alarmAbove: Number((1 - config.slo).toFixed(6)),
    },
    { title: 'Budget left', expr: ask.budgetLeft('$__range'), unit: 'percentunit', decimals: 0, alarmBelow: 0 },
    { title: 'Run p95', expr: p95(names.RUN_DURATION, completed), unit: 's' },
    { title: 'Wait p95', expr: p95(names.WAIT_DURATION), unit: 's', alarmAbove: config.thresholds.queueLagging },
    { title: 'Running for', expr: maxBy(BY, ask.of(names.OLDEST_RUNNING_AGE)), unit: 's' },
    { title: 'Of too long', expr: ask.runningTooLong(), unit: 'percentunit', decimals: 0, alarmAbove: 1 },
    {
      title: 'Last failed',
      expr:
        maxBy(
          BY,
          `max_over_time(((${bad} > (${bad} offset $__interval or ${bad} * 0)) * 0 + time())[$__range:$__interval])`,
        ) + ' * 1000',
      unit: 'dateTimeFromNow',
    },
  ]
}

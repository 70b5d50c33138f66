// What fails, and since when: by task and by error.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { BAR, type Expressions, grown } from '../expressions.ts'
import { field, SERIES_TASK, toTask } from '../links.ts'
import { BAD } from '../outcomes.ts'
import { chart } from '../panels/chart.ts'
import { table } from '../panels/table.ts'
import { labelOf, sumBy } from '../promql.ts'

const TASK = labelOf(names.TASK_NAME)

export const failures = (config: Config, ask: Expressions): readonly Builder<Panel>[] => [
  chart({
    config,
    title: 'Failures, by task',
    what: 'Runs that ended badly, each in one bar. The very first failure of a task shows.',
    good: 'empty, or what you are used to.',
    otherwise: 'click a bar to open its task. One colour: that task. All at once: what they share.',
    runbook: 'AfterglowTaskFailedRarely',
    lines: [[`${ask.ended(BAD, { by: [names.TASK_NAME], range: BAR })} > 0`, `{{${TASK}}}`]],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    dataLinks: [toTask(SERIES_TASK)],
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Failure ratio, by task',
    what: `Of the runs that ended, the part that ended badly. The red line is where an objective of ${config.slo} burns its budget ${config.thresholds.burnSlow.factor} times too fast.`,
    good: 'near 0, for each task.',
    otherwise: 'a task at 100 % with few runs may be one failure: compare with the bars beside it.',
    runbook: 'AfterglowBudgetBurnFast',
    lines: [[ask.failureRatio({ by: [names.TASK_NAME], range: '$__rate_interval' }), `{{${TASK}}}`]],
    unit: 'percentunit',
    max: 1,
    alarmAbove: Number((config.thresholds.burnSlow.factor * (1 - config.slo)).toFixed(6)),
    dataLinks: [toTask(SERIES_TASK)],
    w: 8,
    h: 8,
  }),
  table({
    config,
    title: 'Errors, most frequent first',
    what: 'Errors that ended a task badly in this time, by class. `_OTHER` is what is beyond ten classes of a task.',
    good: 'no rows, or rows that you know.',
    otherwise: 'a class that is new since the last deploy comes from it. Click the task for its runs and lines.',
    keys: [
      { title: 'Task', of: names.TASK_NAME, links: [toTask(field('Task'))] },
      { title: 'Error', of: names.ERROR_TYPE },
    ],
    columns: [
      {
        title: 'Failures',
        expr: `topk(25, ${sumBy([names.TASK_NAME, names.ERROR_TYPE], grown(ask.of(names.FAILURES), '$__range'))} > 0)`,
        unit: 'short',
        decimals: 0,
      },
    ],
    noValue: 'Nothing failed in this time.',
    w: 8,
    h: 8,
  }),
]

// Of one task: what it is meant to be, and whether it is.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import type { Expressions } from '../expressions.ts'
import { BAD, RUNS } from '../outcomes.ts'
import { chart } from '../panels/chart.ts'
import { stat } from '../panels/stat.ts'
import { table } from '../panels/table.ts'
import { is, labelOf, maxBy, sumBy } from '../promql.ts'
import { OUTCOME_COLOURS } from './headline.ts'
import { TOO_LONG } from './runner-room.ts'

type Panels = readonly Builder<Panel>[]
export const TASK = { [names.TASK_NAME]: is('$task') }
const WHOLE = { by: [], range: '$__range', task: TASK }

export const verdict = (config: Config, ask: Expressions): Panels => [
  ...numbers(config, ask),
  definition(config, ask),
  ...overTime(config, ask),
]

const numbers = (config: Config, ask: Expressions): Panels => [
  stat({
    config,
    title: 'Error budget left',
    what: `What its objective allows in this time (\`slo\` of its definition, or ${config.slo}), less what it used. Fewer than ${config.thresholds.minRuns} runs count as ${config.thresholds.minRuns}.`,
    good: 'close to 100 %.',
    otherwise: 'below 0 it missed its objective in this time. Look for the cause in the rows below, from the top.',
    runbook: 'AfterglowBudgetBurnFast',
    lines: [[`max(${ask.budgetLeft('$__range', TASK)})`, 'left']],
    unit: 'percentunit',
    decimals: 0,
    alarmBelow: 0,
    noValue: 'not heard of',
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Runs',
    what: 'Runs that ended in this time, and those of them that ended badly: failed, timed out, dropped, interrupted.',
    good: 'as many as at other times; 0 failed.',
    otherwise: 'none at all where there were some: whoever adds it does so no more.',
    runbook: 'AfterglowTrafficCeased',
    lines: [
      [ask.ended(RUNS, WHOLE), 'runs'],
      [ask.ended(BAD, WHOLE), 'failed'],
    ],
    unit: 'short',
    decimals: 0,
    noValue: 'not heard of',
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Running for',
    what: `How long its oldest attempt that runs now has run, and what part that is of ${TOO_LONG(config)}.`,
    good: 'shorter than its timeout; 0 when none runs.',
    otherwise:
      'from 100 % on it hangs. One with a timeout ignores its signal, and is let go as stuck: its lines say where.',
    runbook: 'AfterglowTaskHung',
    lines: [
      [maxBy([], ask.of(names.OLDEST_RUNNING_AGE, TASK)), 'oldest'],
      [`max(${ask.runningTooLong(TASK)})`, 'of what is too long'],
    ],
    unit: 's',
    own: { 'of what is too long': { unit: 'percentunit', alarmAbove: 1 } },
    noValue: 'not heard of',
    w: 4,
    h: 4,
  }),
]

const definition = (config: Config, ask: Expressions): Builder<Panel> =>
  table({
    config,
    title: 'As it is defined',
    what: 'Owner, objective and timeout of its definition, and on how many instances it is known. More than one row: versions that differ run beside each other.',
    good: 'one row.',
    otherwise: 'two rows for long: a deploy that did not finish.',
    keys: [
      { title: 'Owner', of: names.TASK_OWNER },
      { title: 'Objective', of: names.TASK_SLO },
      { title: 'Timeout (s)', of: names.TASK_TIMEOUT },
    ],
    columns: [
      {
        title: 'Instances',
        expr: sumBy([names.TASK_OWNER, names.TASK_SLO, names.TASK_TIMEOUT], ask.of(names.TASK_INFO, TASK)),
        unit: 'short',
      },
    ],
    noValue: 'It is not registered: a function or a closure has no definition.',
    w: 12,
    h: 4,
  })

const overTime = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Runs ended, by outcome',
    what: 'How many ended per second, and how. Completed is grey, what was meant to end early is blue, what ended badly is red or orange.',
    good: 'grey, with the shape of your traffic.',
    otherwise:
      'red from a deploy on: that deploy. All red: what it depends on is down. Orange: the process was stopped, or a task expired.',
    lines: [
      [
        sumBy([names.TASK_OUTCOME], `rate(${ask.of(names.SETTLED, TASK)}[$__rate_interval])`),
        `{{${labelOf(names.TASK_OUTCOME)}}}`,
      ],
    ],
    unit: 'ops',
    draw: 'stacked area',
    colours: OUTCOME_COLOURS,
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Failure ratio',
    what: `The part of its runs that ended badly, and what its objective allows. The red line is ${config.thresholds.burnFast.factor} times what ${config.slo} allows: where the fast alert begins.`,
    good: 'below what is allowed.',
    otherwise: 'above the red line it uses up a month’s budget in two days: act now.',
    runbook: 'AfterglowBudgetBurnFast',
    lines: [
      [ask.failureRatio({ ...WHOLE, range: '$__rate_interval' }), 'failed'],
      [`max(${ask.allowance(TASK)})`, 'allowed'],
    ],
    unit: 'percentunit',
    max: 1,
    alarmAbove: Number((config.thresholds.burnFast.factor * (1 - config.slo)).toFixed(6)),
    colours: { failed: 'red', allowed: '#8e8e8e' },
    w: 12,
    h: 8,
  }),
]

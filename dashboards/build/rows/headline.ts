// The numbers that say whether to go on reading. Each is neutral until it is wrong.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { collectorLost, type Expressions, grown, INSTANCE } from '../expressions.ts'
import { link, SERIES_TASK, toDashboard, toTask } from '../links.ts'
import { BAD, LOST } from '../outcomes.ts'
import { alertList } from '../panels/others.ts'
import { stat } from '../panels/stat.ts'
import { chart } from '../panels/chart.ts'
import { is, maxBy, sumBy } from '../promql.ts'

type Panels = readonly Builder<Panel>[]

export const headline = (config: Config, ask: Expressions): Panels => [
  ...objective(config, ask),
  ...room(config, ask),
  ...trust(config, ask),
  alertList({
    title: 'Alerts',
    what: 'Alerts of koa-afterglow that fire or are about to.',
    good: 'no alerts.',
    otherwise: 'open one: its summary has the number, and its runbook the first query.',
    w: 8,
    h: 8,
  }),
  traffic(config, ask),
]

const objective = (config: Config, ask: Expressions): Panels => [
  stat({
    config,
    title: 'Failed runs',
    what: `Part of all runs in this time that failed, timed out, were dropped or interrupted. The objective is ${percent(1 - config.slo)} at most.`,
    good: `below ${percent(1 - config.slo)}; 0 also when nothing ran.`,
    otherwise: 'see below which task it is; a single failure of few runs is no trend.',
    runbook: 'AfterglowBudgetBurnFast',
    lines: [[ask.failureRatio({ by: [], range: '$__range' }), 'failed']],
    unit: 'percentunit',
    decimals: 2,
    alarmAbove: round(1 - config.slo),
    noValue: 'nobody reports',
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Least error budget left',
    what: `The task that used most of what its objective allows in this time (\`slo\` of its definition, or ${config.slo}), and how much of that is left. Fewer than ${config.thresholds.minRuns} runs count as ${config.thresholds.minRuns}.`,
    good: 'close to 100 %.',
    otherwise: 'click it: the task has its own dashboard. Below 0 it missed its objective in this time.',
    runbook: 'AfterglowBudgetBurnSlow',
    lines: [[`bottomk(1, ${ask.budgetLeft('$__range')})`, `{{${TASK}}}`]],
    unit: 'percentunit',
    decimals: 0,
    alarmBelow: 0,
    noValue: 'nobody reports',
    dataLinks: [toTask(SERIES_TASK)],
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Failures',
    what: 'How many runs ended badly in this time, and how many of those work was lost: dropped before they ran, or interrupted by a shutdown.',
    good: '0 lost. Failures belong to some tasks; compare with other times.',
    otherwise: 'lost work is not tried again: find the runs below and repeat what they were for.',
    runbook: 'AfterglowTasksLost',
    lines: [
      [ask.ended(BAD, { by: [], range: '$__range' }), 'in all'],
      [ask.ended(LOST, { by: [], range: '$__range' }), 'lost'],
    ],
    unit: 'short',
    decimals: 0,
    own: { lost: { alarmAbove: 0.5 } },
    noValue: 'nobody reports',
    w: 4,
    h: 4,
  }),
]

const room = (config: Config, ask: Expressions): Panels => [
  stat({
    config,
    title: 'Oldest waiting task',
    what: 'For how long the task that is ready to run and waits longest has waited for a slot, on any instance.',
    good: 'near 0.',
    otherwise: 'slots are full: see Runner health for what holds them. If nothing ends either, the queue stands still.',
    runbook: 'AfterglowQueueLagging',
    lines: [[maxBy([], ask.of(names.QUEUE_OLDEST_AGE)), 'oldest']],
    unit: 's',
    alarmAbove: config.thresholds.queueLagging,
    noValue: 'nobody reports',
    dataLinks: [link('Runner health', toDashboard(UIDS.runner, {}))],
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Fullest instance',
    what: 'Slots that run a task, of those there are (`limits.concurrency`), and tasks in flight, of those there may be (`limits.maxPending`), on the instance that has most.',
    good: `both below ${percent(config.thresholds.saturated)}.`,
    otherwise: 'at 100 % of the slots tasks wait, at 100 % of the room `add()` refuses them and requests fail.',
    runbook: 'AfterglowSaturated',
    lines: [
      [maxBy([], part(ask, { [names.TASK_STATE]: is('running') }, names.CONCURRENCY_LIMIT)), 'slots'],
      [maxBy([], part(ask, {}, names.QUEUE_CAPACITY)), 'room'],
    ],
    unit: 'percentunit',
    decimals: 0,
    alarmAbove: config.thresholds.saturated,
    noValue: 'nobody reports',
    dataLinks: [link('Runner health', toDashboard(UIDS.runner, {}))],
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Errors beside failures',
    what: 'Errors in this time that no failure ratio has: swallowed by middleware, so that the task counts as completed; and strays that escaped a task.',
    good: '0 of both.',
    otherwise:
      'swallowed: the task did not do its work although it is green. Strays: a promise that nobody awaits. Open the task for its lines.',
    runbook: 'AfterglowErrorsHandled',
    lines: [
      [sumBy([], grown(ask.of(names.HANDLED_ERRORS), '$__range')), 'swallowed'],
      [sumBy([], grown(ask.of(names.STRAY_ERRORS), '$__range')), 'stray'],
    ],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    noValue: 'nobody reports',
    w: 4,
    h: 4,
  }),
]

// size: a row of panels is data, and is read as a whole
const trust = (config: Config, ask: Expressions): Panels => [
  stat({
    config,
    title: 'Is this dashboard blind?',
    what: 'How long ago any instance was last heard, and what of spans, log lines and metrics was lost on the way in this time, in the applications and in the collector.',
    good: 'heard within the last minute or two; nothing lost.',
    otherwise:
      'do not trust a quiet dashboard. Nothing heard: see whether the service runs, then the collector. Lost: metrics still count every task, but traces and lines have holes.',
    runbook: 'AfterglowMetricsAbsent',
    lines: [
      [`time() - max(${ask.heard()})`, 'last heard'],
      [ask.sdkDropped('$__range'), 'lost in applications'],
      [collectorLost(config.selector, '$__range'), 'lost in collectors'],
    ],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    own: { 'last heard': { unit: 's', alarmAbove: config.thresholds.stale } },
    noValue: 'BLIND: nobody was heard',
    dataLinks: [link('Telemetry pipeline', toDashboard(UIDS.pipeline, {}))],
    w: 8,
    h: 4,
  }),
  stat({
    config,
    title: 'Ledger balance',
    what: 'Accepted less ended less in flight, on the instance where it is farthest from 0. Both sides are counted on their own.',
    good: '0, at every instant.',
    otherwise:
      'a task was lost or counted twice, which is a defect of this library: note instance and time, and keep its log.',
    runbook: 'AfterglowLedgerImbalance',
    lines: [[`max(abs(${ask.ledger()}))`, 'tasks']],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    noValue: 'nobody reports',
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Vanished with tasks in flight',
    what: 'Tasks in flight on instances that fell silent in this time without having finished them.',
    good: '0. An instance that is stopped in order finishes its tasks or names them.',
    otherwise: 'an instance was killed or cut off, and these tasks with it: Runner health lists which, and when.',
    runbook: 'AfterglowInstanceVanished',
    lines: [[ask.orZero(sumBy([], ask.vanished())), 'tasks']],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    noValue: 'nobody reports',
    dataLinks: [link('Runner health', toDashboard(UIDS.runner, {}))],
    w: 4,
    h: 4,
  }),
  stat({
    config,
    title: 'Instances',
    what: 'Processes with an open runner, and the tasks that all of them take in per second.',
    good: 'as many as you run; as many tasks as at other times.',
    otherwise: 'fewer instances: see the process starts and drains. Traffic that ceased: a handler no longer adds.',
    runbook: 'AfterglowTrafficCeased',
    lines: [
      [`count(${sumBy([...INSTANCE], ask.of(names.RUNNER_INFO))} > 0)`, 'instances'],
      [sumBy([], `rate(${ask.of(names.SUBMISSIONS, accepted)}[$__rate_interval])`), 'tasks/s'],
    ],
    unit: 'short',
    noValue: 'none reports',
    w: 8,
    h: 4,
  }),
]

const traffic = (config: Config, ask: Expressions) =>
  chart({
    config,
    title: 'Tasks ended, by outcome',
    what: 'Tasks that ended per second. Completed is grey; discarded, cancelled and skipped are meant and are blue; what ended badly is red or orange.',
    good: 'grey, with the shape of your traffic.',
    otherwise: 'red that begins at a deploy (blue line) is that deploy. No grey where there was: look at the queue.',
    lines: [
      [
        sumBy([names.TASK_OUTCOME], `rate(${ask.of(names.SETTLED)}[$__rate_interval])`),
        `{{${names.TASK_OUTCOME.replaceAll('.', '_')}}}`,
      ],
    ],
    unit: 'ops',
    draw: 'stacked area',
    colours: OUTCOME_COLOURS,
    w: 16,
    h: 8,
  })

export const OUTCOME_COLOURS: Readonly<Record<string, string>> = {
  completed: '#8e8e8e',
  'discarded|cancelled|skipped|handed_over': 'light-blue',
  retried: 'yellow',
  'failed|timed_out': 'red',
  'dropped|interrupted': 'orange',
}

const accepted = { [names.SUBMISSION_RESULT]: is('accepted', 'fetched') }
const TASK = names.TASK_NAME.replaceAll('.', '_')
const percent = (part: number): string => `${round(part * 100)} %`
const round = (value: number): number => Number(value.toFixed(4))

/** By instance, of what there is of the other. */
const part = (ask: Expressions, where: Parameters<Expressions['of']>[1], of: names.MetricName): string =>
  `${sumBy([...INSTANCE], ask.of(names.COUNT, where))} / ${sumBy([...INSTANCE], ask.of(of))}`

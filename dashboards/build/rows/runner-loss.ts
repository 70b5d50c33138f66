// Instances one by one, the balance of what they took on, and how they stopped.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { BAR, type Expressions, grown, INSTANCE } from '../expressions.ts'
import { SERIES_TASK, toTask } from '../links.ts'
import { logql } from '../logql.ts'
import { LOST } from '../outcomes.ts'
import { chart } from '../panels/chart.ts'
import { logs } from '../panels/lines.ts'
import { table, type Key } from '../panels/table.ts'
import { is, labelOf, maxBy, sumBy } from '../promql.ts'

type Panels = readonly Builder<Panel>[]
const BY = [...INSTANCE]
const WHO: readonly Key[] = [
  { title: 'Service', of: 'job' },
  { title: 'Instance', of: 'instance', width: 320 },
]
const running = { [names.TASK_STATE]: is('running') }

export const instances = (config: Config, ask: Expressions): Panels => [
  table({
    config,
    title: 'Instances',
    what: 'Every process with an open runner: what it runs, what it has in flight and has room for, what waits longest, and how long ago it was heard.',
    good: 'as many as you run, with the same versions, all heard within a minute or two.',
    otherwise: 'one that differs from the others is the one to look at; choose it at the top.',
    keys: [...WHO, { title: 'koa-afterglow', of: names.LIBRARY_VERSION, width: 130 }],
    columns: [
      { title: 'Runners', expr: sumBy([...BY, names.LIBRARY_VERSION], ask.of(names.RUNNER_INFO)), unit: 'short' },
      { title: 'Running', expr: sumBy(BY, ask.of(names.COUNT, running)), unit: 'short' },
      { title: 'Slots', expr: sumBy(BY, ask.of(names.CONCURRENCY_LIMIT)), unit: 'short' },
      { title: 'In flight', expr: sumBy(BY, ask.of(names.COUNT)), unit: 'short' },
      { title: 'Room', expr: sumBy(BY, ask.of(names.QUEUE_CAPACITY)), unit: 'short' },
      {
        title: 'Oldest waiting',
        expr: maxBy(BY, ask.of(names.QUEUE_OLDEST_AGE)),
        unit: 's',
        alarmAbove: config.thresholds.queueLagging,
      },
      {
        title: 'Heard',
        expr: `time() - ${maxBy(BY, `timestamp(${ask.of(names.RUNNER_INFO)})`)}`,
        unit: 's',
        alarmAbove: config.thresholds.stale,
      },
    ],
    sortBy: 'Heard',
    noValue: 'No instance reports.',
    w: 24,
    h: 8,
  }),
  table({
    config,
    title: 'Vanished with tasks in flight',
    what: `Instances that were not heard for ${config.thresholds.stale} s and had tasks in flight when they were. One that stopped in order had none.`,
    good: 'no rows.',
    otherwise:
      'killed (out of memory, SIGKILL after a deadline that is too short) or cut off from the collector. In-process tasks of it are gone; what they were for must be done again.',
    runbook: 'AfterglowInstanceVanished',
    keys: WHO,
    columns: [
      { title: 'In flight', expr: ask.vanished(), unit: 'short', alarmAbove: 0.5 },
      {
        title: 'Of those running',
        expr: `${sumBy(BY, `last_over_time(${ask.of(names.COUNT, running)}[$__range])`)} and on (job, instance) (${ask.vanished()})`,
        unit: 'short',
      },
      {
        title: 'Last heard',
        expr: `${ask.heard()} * 1000 and on (job, instance) (${ask.vanished()})`,
        unit: 'dateTimeFromNow',
      },
    ],
    noValue: 'No instance vanished with tasks in flight.',
    w: 24,
    h: 6,
  }),
]

export const accounts = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Ledger balance, by instance',
    what: 'Accepted and fetched, less ended, less in flight. The counters are read at one instant; in flight is counted from the tasks that are there.',
    good: '0, always and everywhere.',
    otherwise:
      'above 0: a task was lost; below: counted twice. Either is a defect of this library: note instance and time, and keep the log.',
    runbook: 'AfterglowLedgerImbalance',
    lines: [[ask.ledger(), '{{instance}}']],
    unit: 'short',
    decimals: 0,
    min: -1,
    alarmAbove: 0.5,
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Lost work, by task',
    what: 'Tasks that were accepted and will not be done: dropped (expired, or not taken by their engine) and interrupted by a shutdown. Each in one bar.',
    good: 'empty, also at deploys.',
    otherwise: 'at deploys: raise `deadlineMs`, and the grace period of the platform above it. Else: see the task.',
    runbook: 'AfterglowTasksLost',
    lines: [[`${ask.ended(LOST, { by: [names.TASK_NAME], range: BAR })} > 0`, `{{${labelOf(names.TASK_NAME)}}}`]],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    dataLinks: [toTask(SERIES_TASK)],
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Errors of the runner’s own, by part',
    what: 'Errors of hooks, observers, engines, services and the runner: they belong to no task.',
    good: '0.',
    otherwise: 'hook, observer, services: your code. engine: its store. runner: a defect here. The lines are below.',
    lines: [[sumBy([names.COMPONENT], grown(ask.of(names.RUNNER_ERRORS), BAR)), `{{${labelOf(names.COMPONENT)}}}`]],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 8,
    h: 8,
  }),
]

export const drains = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'How long stopping took',
    what: 'Seconds from the start of a drain to its end, of each instance that stopped: the last thing that it says.',
    good: 'far below `deadlineMs` (25 s by default).',
    otherwise: 'at the deadline: tasks were interrupted. See which, and whether they heed their signal.',
    runbook: 'AfterglowTasksLost',
    lines: [[maxBy(BY, ask.of(names.DRAIN_DURATION, {}, 'sum')), '{{instance}}']],
    unit: 's',
    draw: 'stacked bars',
    w: 8,
    h: 8,
  }),
  logs({
    config,
    title: 'What the runner said',
    what: 'Drains, tasks that a process left unfinished, that ignored their signal or blocked the loop, responses that do not settle, and errors of the runner’s own parts.',
    good: 'drains only, with 0 interrupted.',
    otherwise: 'each line says what to change.',
    expr: logql({
      events: [
        names.LOG_EVENTS.drain,
        names.LOG_EVENTS.drained,
        names.LOG_EVENTS.unfinished,
        names.LOG_EVENTS.stuck,
        names.LOG_EVENTS.late_completion,
        names.LOG_EVENTS.blocked,
        names.LOG_EVENTS.held_too_long,
        names.LOG_EVENTS.waits_for_itself,
        names.LOG_EVENTS.mounted_below,
        names.LOG_EVENTS.failure_of_our_own,
      ],
    }),
    w: 16,
    h: 8,
  }),
]

// Of one task: its errors, how long it runs and waits, how often it is tried.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { BAR, type Expressions, grown } from '../expressions.ts'
import { SPAN_METRICS } from '../foreign.ts'
import { chart } from '../panels/chart.ts'
import { heatmap } from '../panels/heatmap.ts'
import { withExemplars } from '../queries.ts'
import { is, isNot, labelOf, maxBy, sumBy } from '../promql.ts'
import { TASK } from './task-verdict.ts'

type Panels = readonly Builder<Panel>[]
const WELL = { ...TASK, [names.TASK_OUTCOME]: is('completed') }
const BADLY = { ...TASK, [names.TASK_OUTCOME]: isNot('completed') }

export const errors = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Failures, by error',
    what: 'Runs that ended badly, by class of the error; each in one bar.',
    good: 'empty.',
    otherwise: 'a class that begins at a deploy came with it. `TimeoutError`: see how long it runs.',
    runbook: 'AfterglowTaskFailedRarely',
    lines: [
      [
        `${sumBy([names.ERROR_TYPE], grown(ask.of(names.FAILURES, TASK), BAR))} > 0`,
        `{{${labelOf(names.ERROR_TYPE)}}}`,
      ],
    ],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Errors that no failure ratio has',
    what: 'Swallowed by middleware, so that the run counts as completed; and strays, which escaped the task: a promise nobody awaits, a throw in a timer.',
    good: 'both 0.',
    otherwise:
      'swallowed: rethrow it, or decide by `task.discard()`. Stray: await or catch it; the lines below have where it came from.',
    runbook: 'AfterglowStrayErrors',
    lines: [
      [sumBy([], grown(ask.of(names.HANDLED_ERRORS, TASK), BAR)), 'swallowed'],
      [sumBy([], grown(ask.of(names.STRAY_ERRORS, TASK), BAR)), 'stray'],
    ],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    colours: { swallowed: 'orange', stray: 'red' },
    w: 12,
    h: 8,
  }),
]

export const latency = (config: Config, ask: Expressions): Panels => [
  heatmap({
    config,
    title: 'How long completed runs take',
    what: 'Completed attempts, by how long they ran: the darker, the more.',
    good: 'one steady band.',
    otherwise: 'a second band is a second kind of input, or a dependency that is slow for some.',
    expr: sumBy(['le'], `rate(${ask.of(names.RUN_DURATION, WELL, 'bucket')}[$__rate_interval])`),
    unit: 's',
    w: 8,
    h: 8,
  }),
  durations(config, ask, {
    title: 'Run time, completed',
    what: 'How long completed attempts ran: half of them, 95 and 99 of 100.',
    where: WELL,
    good: 'p99 far below the timeout.',
    otherwise: 'it nears the timeout: soon these will be failures. Look at the slowest traces below.',
  }),
  durations(config, ask, {
    title: 'Run time, not completed',
    what: 'The same of attempts that failed, timed out or were retried.',
    where: BADLY,
    good: 'empty.',
    otherwise: 'short: refused at once. As long as the timeout: somebody never answers.',
  }),
  chart({
    config,
    title: 'Run time, with traces to click',
    what: '95 of 100 attempts of each outcome ran shorter, as the collector counts their spans. The dots are attempts: a click opens the trace.',
    good: 'as beside; dots below the line.',
    otherwise: 'click a dot that lies high. No dots: the collector does not make exemplars, or Prometheus keeps none.',
    queries: [
      withExemplars([
        ask.quantile(
          0.95,
          [names.TASK_OUTCOME],
          ask.foreign(SPAN_METRICS.duration, { [labelOf(names.TASK_NAME)]: '="$task"' }),
        ),
        `{{${labelOf(names.TASK_OUTCOME)}}}`,
      ]),
    ],
    unit: 's',
    w: 24,
    h: 8,
  }),
]

interface Durations {
  readonly title: string
  readonly what: string
  readonly good: string
  readonly otherwise: string
  readonly where: Parameters<Expressions['of']>[1]
}
const durations = (config: Config, ask: Expressions, { where, ...words }: Durations): Builder<Panel> =>
  chart({
    config,
    ...words,
    lines: [0.5, 0.95, 0.99].map((q) => [
      ask.quantile(q, [], ask.of(names.RUN_DURATION, where, 'bucket')),
      `p${q * 100}`,
    ]),
    unit: 's',
    w: 8,
    h: 8,
  })

export const queueing = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Waiting for a slot',
    what: 'How long attempts that were ready waited before they started. Of attempts that started: what still waits is in Runner health.',
    good: 'near 0.',
    otherwise:
      'slots are full, or its own `concurrency` or `rateLimit` holds it back: both are meant, if nothing else waits.',
    runbook: 'AfterglowQueueLagging',
    lines: [0.5, 0.95, 0.99].map((q) => [
      ask.quantile(q, [], ask.of(names.WAIT_DURATION, TASK, 'bucket')),
      `p${q * 100}`,
    ]),
    unit: 's',
    alarmAbove: config.thresholds.queueLagging,
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Oldest that runs, by instance',
    what: 'For how long the oldest attempt has run, on each instance.',
    good: 'a saw below its timeout.',
    otherwise: 'a line that only rises is a run that hangs: the instance has it, the log its stack once it is let go.',
    runbook: 'AfterglowTaskHung',
    lines: [[maxBy(['instance'], ask.of(names.OLDEST_RUNNING_AGE, TASK)), '{{instance}}']],
    unit: 's',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Adds, by what became of them',
    what: 'How many were added per second: accepted, fetched from a durable engine, rejected by a limit or a schema, or a duplicate of one that waits.',
    good: 'none rejected.',
    otherwise: 'rejected: the runner or the task is full, or the input does not fit. Its lines say which.',
    runbook: 'AfterglowSaturated',
    lines: [
      [
        sumBy([names.SUBMISSION_RESULT], `rate(${ask.of(names.SUBMISSIONS, TASK)}[$__rate_interval])`),
        `{{${labelOf(names.SUBMISSION_RESULT)}}}`,
      ],
    ],
    unit: 'ops',
    draw: 'stacked area',
    colours: { accepted: '#8e8e8e', fetched: '#b0b0b0', duplicate: 'light-blue', rejected: 'red' },
    w: 8,
    h: 8,
  }),
]

export const attempts = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Attempts ended, by how',
    what: 'Attempts that ran and ended per second. `retried` failed and was followed by another.',
    good: 'grey.',
    otherwise: 'yellow without red: retries carry it, at the price of time. Red: they do not any more.',
    lines: [
      [
        sumBy([names.TASK_OUTCOME], `rate(${ask.of(names.RUN_DURATION, TASK, 'count')}[$__rate_interval])`),
        `{{${labelOf(names.TASK_OUTCOME)}}}`,
      ],
    ],
    unit: 'ops',
    draw: 'stacked area',
    colours: { completed: '#8e8e8e', retried: 'yellow', 'failed|timed_out': 'red', interrupted: 'orange' },
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Retries per run',
    what: 'Retries for each run that was accepted.',
    good: 'near 0.',
    otherwise: 'it rises towards `attempts - 1` before runs begin to fail: a dependency is about to be down.',
    lines: [
      [
        `${sumBy([], `rate(${ask.of(names.RETRIES, TASK)}[$__rate_interval])`)} / ${sumBy([], `rate(${ask.of(names.SUBMISSIONS, { ...TASK, [names.SUBMISSION_RESULT]: is('accepted', 'fetched') })}[$__rate_interval])`)}`,
        'retries per run',
      ],
    ],
    unit: 'short',
    w: 12,
    h: 8,
  }),
]

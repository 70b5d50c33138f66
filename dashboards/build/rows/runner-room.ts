// What runs and waits against what there is room for, and what tasks do to the event loop.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { INSTANCE, type Expressions } from '../expressions.ts'
import { REQUEST_DURATION } from '../foreign.ts'
import { SERIES_TASK, toTask } from '../links.ts'
import { chart } from '../panels/chart.ts'
import { is, labelOf, maxBy, sumBy } from '../promql.ts'

type Panels = readonly Builder<Panel>[]
const TASK = labelOf(names.TASK_NAME)
const BY = [...INSTANCE]

export const TOO_LONG = ({ thresholds }: Config): string =>
  `${thresholds.hungTimeouts} times its timeout and a minute, or of ${thresholds.hungWithoutTimeout / 60} minutes if it has none`

// size: a row of panels is data, and is read as a whole
export const saturation = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'In flight, by state',
    what: 'Tasks that were accepted and have not ended, by what they wait for: a response (held), a dependency (blocked), a time (delayed), a slot (queued), the next attempt (backoff), or nothing (running).',
    good: 'mostly running; queued near 0.',
    otherwise:
      'queued grows: slots are full, see which tasks hold them. held grows: responses do not settle. backoff grows: something keeps failing.',
    runbook: 'AfterglowSaturated',
    lines: [[sumBy([names.TASK_STATE], ask.of(names.COUNT)), `{{${labelOf(names.TASK_STATE)}}}`]],
    unit: 'short',
    draw: 'stacked area',
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Slots taken, by instance',
    what: 'Tasks that run, of those that may run at the same time (`limits.concurrency`).',
    good: `below ${config.thresholds.saturated * 100} %, with room for a burst.`,
    otherwise:
      'at 100 % for long: a hung task fills them (give it a `timeoutMs` and `concurrency`), or there are too few instances.',
    runbook: 'AfterglowSaturated',
    lines: [
      [
        `${sumBy(BY, ask.of(names.COUNT, { [names.TASK_STATE]: is('running') }))} / ${sumBy(BY, ask.of(names.CONCURRENCY_LIMIT))}`,
        '{{instance}}',
      ],
    ],
    unit: 'percentunit',
    max: 1,
    alarmAbove: config.thresholds.saturated,
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Room taken, by instance',
    what: 'Tasks in flight, of those there may be (`limits.maxPending`). `tasks.guard()` answers 503 from 80 % on.',
    good: 'a few per cent.',
    otherwise: 'at 100 % `add()` throws and requests answer 503. Shed load, or find out why tasks do not end.',
    runbook: 'AfterglowSaturated',
    lines: [[`${sumBy(BY, ask.of(names.COUNT))} / ${sumBy(BY, ask.of(names.QUEUE_CAPACITY))}`, '{{instance}}']],
    unit: 'percentunit',
    max: 1,
    alarmAbove: config.thresholds.saturated,
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Oldest waiting task, by instance',
    what: 'For how long the task that is ready and waits longest has waited for a slot. Unlike a histogram it also grows while nothing starts.',
    good: 'near 0.',
    otherwise: 'rises with the clock: nothing starts at all. A saw: overloaded at times.',
    runbook: 'AfterglowQueueStuck',
    lines: [
      [maxBy([...BY, names.ENGINE], ask.of(names.QUEUE_OLDEST_AGE)), `{{instance}} {{${labelOf(names.ENGINE)}}}`],
    ],
    unit: 's',
    alarmAbove: config.thresholds.queueLagging,
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Oldest running task, by task',
    what: 'For how long the oldest attempt of each task has run.',
    good: 'each below its timeout.',
    otherwise: 'a line that only rises hangs, and holds a slot: open that task.',
    runbook: 'AfterglowTaskHung',
    lines: [[`${maxBy([names.TASK_NAME], ask.of(names.OLDEST_RUNNING_AGE))} > 0`, `{{${TASK}}}`]],
    unit: 's',
    dataLinks: [toTask(SERIES_TASK)],
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Oldest running task, of what is too long',
    what: `The same, as a part of ${TOO_LONG(config)}.`,
    good: 'below 100 %.',
    otherwise: 'from 100 % on it hangs: open that task. Give it a timeout if it has none, and let it heed its signal.',
    runbook: 'AfterglowTaskHung',
    lines: [[`${ask.runningTooLong()} > 0`, `{{${TASK}}}`]],
    unit: 'percentunit',
    alarmAbove: 1,
    dataLinks: [toTask(SERIES_TASK)],
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Refused, by task',
    what: 'Adds that were rejected, per second: over a limit, or with an input that does not fit the schema.',
    good: '0.',
    otherwise: 'rejected at a full runner: requests fail or lose their task. Not full: its schema, see its lines.',
    runbook: 'AfterglowSaturated',
    lines: [
      [
        sumBy(
          [names.TASK_NAME],
          `rate(${ask.of(names.SUBMISSIONS, { [names.SUBMISSION_RESULT]: is('rejected') })}[$__rate_interval])`,
        ),
        `{{${TASK}}}`,
      ],
    ],
    unit: 'ops',
    dataLinks: [toTask(SERIES_TASK)],
    w: 6,
    h: 8,
  }),
]

export const loop = (config: Config, ask: Expressions): Panels => [
  chart({
    config,
    title: 'Event loop blocked, by task',
    what: 'The part of the time that tasks kept the event loop from everybody, where one did so for longer than `limits.blockWarnMs`.',
    good: '0.',
    otherwise: 'every request waits meanwhile: give that task a `thread`, or let it yield.',
    lines: [
      [
        sumBy([names.TASK_NAME], `rate(${ask.of(names.BLOCKING_DURATION, {}, 'sum')}[$__rate_interval])`),
        `{{${TASK}}}`,
      ],
    ],
    unit: 'percentunit',
    dataLinks: [toTask(SERIES_TASK)],
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'From response to first task',
    what: 'How soon after a response its tasks start, once per request.',
    good: 'milliseconds.',
    otherwise: 'slots are full, or the event loop is blocked.',
    lines: [0.5, 0.99].map((q) => [ask.quantile(q, [], ask.of(names.RESPONSE_GAP, {}, 'bucket')), `p${q * 100}`]),
    unit: 's',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Requests, 99 of 100',
    what: 'How long 99 of 100 requests of each route took: the neighbours of tasks.',
    good: 'the same with many tasks running as with few.',
    otherwise: 'it rises together with what is in flight: tasks take the CPU from requests.',
    lines: [[ask.quantile(0.99, ['http_route'], ask.foreign(REQUEST_DURATION)), '{{http_route}}']],
    unit: 's',
    w: 8,
    h: 8,
  }),
]

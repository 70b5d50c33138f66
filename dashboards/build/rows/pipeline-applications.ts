// From the application's side: whether it is heard, what its SDK drops, and whether spans and lines tell what counters tell.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import type { Config } from '../../config.ts'
import { BAR, collectorLost, type Expressions, grown, INSTANCE } from '../expressions.ts'
import { SDK, SPAN_METRICS } from '../foreign.ts'
import { logql } from '../logql.ts'
import { BAD } from '../outcomes.ts'
import { chart } from '../panels/chart.ts'
import { stat } from '../panels/stat.ts'
import { table } from '../panels/table.ts'
import { logRates } from '../queries.ts'
import { is, maxBy, sumBy } from '../promql.ts'
import { FAILED_EVENTS } from './runs.ts'
import { COLLECTORS } from './pipeline-collector.ts'

type Panels = readonly Builder<Panel>[]
const BY = [...INSTANCE]

// size: a row of panels is data, and is read as a whole
export const blindness = (config: Config, ask: Expressions): Panels => [
  stat({
    config,
    title: 'Last heard',
    what: 'How long ago any instance was last heard.',
    good: `within the last export, ${config.thresholds.stale / 3} s by default.`,
    otherwise: 'does the service run? Does it reach the collector, and the collector Prometheus? See the rows below.',
    runbook: 'AfterglowMetricsAbsent',
    lines: [[`time() - max(${ask.heard()})`, 'ago']],
    unit: 's',
    decimals: 0,
    alarmAbove: config.thresholds.stale,
    noValue: 'BLIND: nobody was heard',
    w: 6,
    h: 5,
  }),
  stat({
    config,
    title: 'Lost in applications',
    what: 'Spans and log lines that the SDK dropped because its queue was full, or could not send.',
    good: '0.',
    otherwise: 'the collector is away or slow, or a burst was larger than the queues of the SDK.',
    runbook: 'AfterglowTelemetryDropped',
    lines: [[ask.sdkDropped('$__range'), 'lost']],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    noValue: 'nobody reports',
    w: 6,
    h: 5,
  }),
  stat({
    config,
    title: 'Lost in collectors',
    what: 'What the collector could not queue, or gave up sending. What it refuses is tried again by the application, and not in here.',
    good: '0.',
    otherwise: 'a back end is away for longer than its queue lasts, or the collector is out of memory.',
    runbook: 'AfterglowCollectorDropping',
    lines: [[collectorLost(COLLECTORS, '$__range'), 'lost']],
    unit: 'short',
    decimals: 0,
    alarmAbove: 0.5,
    noValue: 'no collector is scraped',
    mayBeMissing: true,
    w: 6,
    h: 5,
  }),
  stat({
    config,
    title: 'Spans that arrived, of attempts that ended',
    what: 'Attempts whose span came by the collector, of the attempts that the applications counted, in this time.',
    good: '100 %, give or take what is under way.',
    otherwise:
      'less: spans are dropped, or head sampling is on (`OTEL_TRACES_SAMPLER`), which hides failures. More: a task that never ran has a span too.',
    runbook: 'AfterglowTelemetryDropped',
    lines: [
      [
        `${sumBy([], grown(ask.foreign(SPAN_METRICS.calls), '$__range'))} / (${sumBy([], grown(ask.of(names.RUN_DURATION, {}, 'count'), '$__range'))} > 0)`,
        'arrived',
      ],
    ],
    unit: 'percentunit',
    decimals: 0,
    alarmBelow: 0.9,
    noValue: 'nothing to compare',
    mayBeMissing: true,
    w: 6,
    h: 5,
  }),
]

// size: a row of panels is data, and is read as a whole
export const applications = (config: Config, ask: Expressions): Panels => [
  table({
    config,
    title: 'When was each instance last heard?',
    what: 'Every instance that was heard in this time, longest silent first. Stopped ones stay in the list; that is no fault.',
    good: 'those that run: within a minute or two.',
    otherwise: 'one that should run and is silent is gone or cut off: is it in Runner health under vanished?',
    runbook: 'AfterglowMetricsAbsent',
    keys: [
      { title: 'Service', of: 'job' },
      { title: 'Instance', of: 'instance' },
    ],
    columns: [{ title: 'Silent for', expr: `time() - ${ask.heard()}`, unit: 's' }],
    noValue: 'No instance was heard.',
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Queues of the SDK, at their fullest',
    what: 'Spans and log lines that wait to be exported, of what the queue holds, on the instance that has most.',
    good: 'a few per cent.',
    otherwise: 'at 100 % they are dropped: raise `OTEL_BSP_MAX_QUEUE_SIZE`, or see why exports are slow.',
    runbook: 'AfterglowTelemetryDropped',
    lines: [
      [maxBy([], full(ask, 'span')), 'spans'],
      [maxBy([], full(ask, 'log')), 'log lines'],
    ],
    unit: 'percentunit',
    max: 1,
    alarmAbove: config.thresholds.saturated,
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Dropped by the SDK, by error',
    what: 'What the SDK dropped or failed to export, by what kept it.',
    good: 'empty.',
    otherwise: '`queue_full`: a burst, or slow exports. Anything else: the collector refused or was not there.',
    runbook: 'AfterglowTelemetryDropped',
    lines: [
      [dropped(ask, 'spansProcessed'), 'spans, {{error_type}}'],
      [dropped(ask, 'logsProcessed'), 'log lines, {{error_type}}'],
    ],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Failures, as metrics count them',
    what: 'Tasks that ended badly, per second, by the counters of the applications.',
    good: 'the same as its neighbour.',
    otherwise: 'if the neighbour has less, log lines are lost on the way, and with them the way to a run.',
    lines: [
      [
        sumBy(['job'], `rate(${ask.of(names.SETTLED, { [names.TASK_OUTCOME]: is(...BAD) })}[$__rate_interval])`),
        '{{job}}',
      ],
    ],
    unit: 'ops',
    w: 12,
    h: 8,
  }),
  chart({
    config,
    title: 'Failures, as lines tell them',
    what: 'Lines of tasks that ended badly, per second, as Loki has them. Each failure has one line.',
    good: 'the same as its neighbour.',
    otherwise: 'less: a logger that is set above ERROR, or lines lost on the way.',
    queries: [
      logRates([
        `sum by (service_name) (rate(${logql({ events: FAILED_EVENTS, where: { [names.TASK_OUTCOME]: is(...BAD) } })} [$__auto]))`,
        '{{service_name}}',
      ]),
    ],
    unit: 'ops',
    w: 12,
    h: 8,
  }),
]

const dropped = (ask: Expressions, what: 'spansProcessed' | 'logsProcessed'): string =>
  `${sumBy(['error_type'], grown(ask.foreign(SDK[what], { error_type: '!=""' }), BAR))} > 0`

/** By instance, as a part of what there is. */
function full(ask: Expressions, of: 'span' | 'log'): string {
  const size = ask.foreign(of === 'span' ? SDK.spanQueue : SDK.logQueue)
  const capacity = ask.foreign(of === 'span' ? SDK.spanCapacity : SDK.logCapacity)
  return `${sumBy(BY, size)} / ${sumBy(BY, capacity)}`
}

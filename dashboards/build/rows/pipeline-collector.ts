// From the collector's side: what comes in, what goes out, what is held and what is lost. Prometheus scrapes it, so that it
// tells also when its own exports are stuck.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Config } from '../../config.ts'
import { BAR, grown } from '../expressions.ts'
import { COLLECTOR, SAMPLING, selectForeign, UP, type Foreign } from '../foreign.ts'
import { chart } from '../panels/chart.ts'
import { stat } from '../panels/stat.ts'
import type { Line } from '../queries.ts'
import { maxBy, sumBy } from '../promql.ts'

type Panels = readonly Builder<Panel>[]

/** By the job that scrapes them, which is chosen apart from the applications. */
export const COLLECTORS = 'job=~"$collector"'
const of = (metric: Foreign): string => selectForeign(metric, COLLECTORS)
const per = (metric: Foreign, by: readonly string[]): string => sumBy(by, `rate(${of(metric)}[$__rate_interval])`)
const lostIn = (metric: Foreign, by: readonly string[]): string => `${sumBy(by, grown(of(metric), BAR))} > 0`

// size: a row of panels is data, and is read as a whole
export const collectors = (config: Config): Panels => [
  stat({
    config,
    title: 'Collectors that answer',
    what: 'Collectors that Prometheus could scrape just now.',
    good: 'as many as you run.',
    otherwise: 'one that is down takes nothing: applications keep what fits their queues, then drop.',
    runbook: 'AfterglowCollectorDown',
    lines: [[`sum(${of(UP)})`, 'up']],
    unit: 'short',
    decimals: 0,
    alarmBelow: 1,
    noValue: 'none is scraped',
    w: 4,
    h: 8,
  }),
  chart({
    config,
    title: 'Comes in',
    what: 'Spans, log lines and metric points that were accepted per second.',
    good: 'the shape of your traffic.',
    otherwise: '0 of all: no application reaches it. 0 of one: that signal is off, or refused.',
    lines: [
      [per(COLLECTOR.acceptedSpans, []), 'spans'],
      [per(COLLECTOR.acceptedLogs, []), 'log lines'],
      [per(COLLECTOR.acceptedPoints, []), 'points'],
    ],
    unit: 'ops',
    w: 7,
    h: 8,
  }),
  chart({
    config,
    title: 'Goes out',
    what: 'The same, as back ends took it. Fewer spans than come in, if tail sampling is on.',
    good: 'follows what comes in.',
    otherwise: 'stops: that back end is away, and the queue fills.',
    lines: [
      [per(COLLECTOR.sentSpans, ['exporter']), 'spans, {{exporter}}'],
      [per(COLLECTOR.sentLogs, ['exporter']), 'log lines, {{exporter}}'],
      [per(COLLECTOR.sentPoints, ['exporter']), 'points, {{exporter}}'],
    ],
    unit: 'ops',
    w: 7,
    h: 8,
  }),
  chart({
    config,
    title: 'Queue of each exporter',
    what: 'What waits to be sent, of what the queue on disk holds.',
    good: 'near 0.',
    otherwise: 'grows: its back end is away or slow. At 100 % what comes in is refused.',
    runbook: 'AfterglowCollectorDropping',
    lines: [
      [
        `${maxBy(['instance', 'exporter', 'data_type'], of(COLLECTOR.queueSize))} / ${maxBy(['instance', 'exporter', 'data_type'], of(COLLECTOR.queueCapacity))}`,
        '{{exporter}} {{instance}}',
      ],
    ],
    unit: 'percentunit',
    max: 1,
    alarmAbove: config.thresholds.collectorQueue,
    w: 6,
    h: 8,
  }),
  chart({
    config,
    title: 'Refused',
    what: 'What the collector did not take. Senders try again.',
    good: 'empty.',
    otherwise: 'out of memory or its queues are full: see their panel, and `OTELCOL_MEMORY_MIB`.',
    runbook: 'AfterglowCollectorDropping',
    lines: lost([COLLECTOR.refusedSpans, COLLECTOR.refusedLogs, COLLECTOR.refusedPoints], 'receiver'),
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Lost',
    what: 'What was given up after five minutes of trying, or found the queue full.',
    good: 'empty.',
    otherwise: 'it is gone. The log of the collector has why: a back end that refuses, or is not there.',
    runbook: 'AfterglowCollectorDropping',
    lines: [
      ...lost([COLLECTOR.unsentSpans, COLLECTOR.unsentLogs, COLLECTOR.unsentPoints], 'exporter'),
      ...lost([COLLECTOR.unqueuedSpans, COLLECTOR.unqueuedLogs, COLLECTOR.unqueuedPoints], 'exporter', 'no room: '),
    ],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Memory',
    what: 'Resident memory of each collector. It refuses from four fifths of `OTELCOL_MEMORY_MIB` (512) on.',
    good: 'flat.',
    otherwise: 'grows with tail sampling: fewer traces held (`OTELCOL_NUM_TRACES`), or more memory.',
    lines: [[maxBy(['instance'], of(COLLECTOR.memory)), '{{instance}}']],
    unit: 'bytes',
    w: 8,
    h: 8,
  }),
]

const WHAT = ['spans', 'log lines', 'points']
const lost = (metrics: readonly Foreign[], by: string, what = ''): readonly Line[] =>
  metrics.map((metric, at) => [lostIn(metric, [by]), `${what}${WHAT[at]}, {{${by}}}`])

/** Empty where the overlay is not used. */
export const sampling = (config: Config): Panels => [
  chart({
    config,
    title: 'Traces decided',
    what: 'Traces that tail sampling kept or left, per second. Empty without `otel-collector.tail-sampling.yaml`.',
    good: 'some kept, most left, all failures among the kept.',
    otherwise: 'all kept: a policy that fits everything. None kept: the failures are not in it, see the policies.',
    lines: [
      [sumBy(['sampled', 'decision'], `rate(${of(SAMPLING.decided)}[$__rate_interval])`), '{{sampled}} {{decision}}'],
    ],
    unit: 'ops',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Traces held',
    what: 'Traces that wait for their decision.',
    good: 'below `OTELCOL_NUM_TRACES` (30,000).',
    otherwise: 'at it: the oldest are forgotten undecided.',
    lines: [[maxBy(['instance'], of(SAMPLING.inMemory)), '{{instance}}']],
    unit: 'short',
    w: 8,
    h: 8,
  }),
  chart({
    config,
    title: 'Forgotten undecided',
    what: 'Traces that were let go before their decision, for want of room.',
    good: 'empty.',
    otherwise: 'failed tasks may be among them: raise `OTELCOL_NUM_TRACES` and the memory with it.',
    runbook: 'AfterglowCollectorDropping',
    lines: [[lostIn(SAMPLING.droppedTooEarly, ['instance']), '{{instance}}']],
    unit: 'short',
    decimals: 0,
    draw: 'stacked bars',
    w: 8,
    h: 8,
  }),
]

// Telemetry that does not arrive: then what dashboards show is too little, and what alerts do not say proves nothing.
import { UIDS, type Config } from '../../../config.ts'
import { COLLECTOR, SDK, selectForeign, UP } from '../../foreign.ts'
import { sumBy } from '../../promql.ts'
import { gainedBy, group, indented, SERVICE } from '../idioms.ts'
import type { Alert } from '../rule.ts'
import { withinHour } from './asking.ts'

export const pipelineAlerts = (config: Config): readonly Alert[] => [
  telemetryDropped(config),
  collectorDropping(config),
  collectorQueueFilling(config),
  collectorDown(config),
]

const dashboard = { uid: UIDS.pipeline, last: '6h' } as const
const ofCollector = { ...dashboard, job: 'collector' } as const

/**
 * The SDK's own counters; koa-afterglow/otel turns them on. They count what did not fit into a queue and what an exporter
 * could not send. Not metrics: those are sums, and the next export says again what one that failed would have said.
 */
const LOST_BY_SDK = { traces: SDK.spansProcessed, logs: SDK.logsProcessed } as const
const FAILED = { error_type: '!=""' }

const telemetryDropped = ({ selector }: Config): Alert => {
  const parts = Object.entries(LOST_BY_SDK).map(([signal, metric]) =>
    labelled({ signal }, gainedBy([...SERVICE, 'error_type'], selectForeign(metric, selector, FAILED), '15m')),
  )
  return {
    name: 'AfterglowTelemetryDropped',
    severity: 'warning',
    expr: `(\n${indented(parts.join('\nor\n'))}\n) > 0`,
    toldTo: 'installation',
    summary: '{where} dropped {signal} ({error}), within 15m: {count}',
    impact: 'Runs are without a trace or a line. Tasks are not affected, and neither is what alerts count.',
    dashboard,
    queries: {
      promql: Object.values(LOST_BY_SDK)
        .map((metric) => withinHour(selectForeign(metric, 'job="{job}"', FAILED)))
        .map((lost) => `${sumBy(['instance', 'error_type'], lost)} > 0`)
        .join(' or '),
    },
  }
}

/** Told apart by labels, or `or` would take the first for the second. */
const labelled = (labels: Readonly<Record<string, string>>, of: string): string =>
  Object.entries(labels).reduce(
    (inner, [label, value]) => `label_replace(\n${indented(inner)},\n  "${label}", "${value}", "", "")`,
    of,
  )

const LOST_BY_COLLECTOR = {
  spans: { send: COLLECTOR.unsentSpans, enqueue: COLLECTOR.unqueuedSpans },
  metric_points: { send: COLLECTOR.unsentPoints, enqueue: COLLECTOR.unqueuedPoints },
  log_records: { send: COLLECTOR.unsentLogs, enqueue: COLLECTOR.unqueuedLogs },
} as const

const collectorDropping = ({ collectorSelector }: Config): Alert => {
  const parts = Object.entries(LOST_BY_COLLECTOR).flatMap(([signal, steps]) =>
    Object.entries(steps).map(([step, metric]) => {
      const lost = gainedBy(['job', 'instance', 'exporter'], selectForeign(metric, collectorSelector), '15m')
      return labelled({ signal, step }, lost)
    }),
  )
  return {
    name: 'AfterglowCollectorDropping',
    severity: 'warning',
    expr: `(\n${indented(parts.join('\nor\n'))}\n) > 0`,
    toldTo: 'installation',
    summary: 'The collector {instance} lost {signal} of {exporter} ({step} failed), within 15m: {count}',
    impact: 'What is lost here is gone for good: runs without a trace, failures without a line, gaps in every panel.',
    dashboard: ofCollector,
    queries: {
      promql: '{__name__=~"otelcol_exporter_(send|enqueue)_failed_.*_total",instance="{instance}"} > 0',
    },
  }
}

const taken = (scope: string): string =>
  `${selectForeign(COLLECTOR.queueSize, scope)} / ${selectForeign(COLLECTOR.queueCapacity, scope)}`

const collectorQueueFilling = ({ collectorSelector, thresholds: { collectorQueue } }: Config): Alert => ({
  name: 'AfterglowCollectorQueueFilling',
  severity: 'warning',
  expr: `max by (job, instance, exporter) (
  ${taken(collectorSelector)}
) > ${collectorQueue}`,
  for: '5m',
  toldTo: 'installation',
  summary: 'The queue of the collector {instance} for {exporter} is {percent} full',
  impact: 'Its back end is away or slow. Nothing is lost yet; once the queue is full, everything new is.',
  dashboard: ofCollector,
  queries: {
    promql: taken('instance="{instance}"'),
  },
})

const collectorDown = ({ collectorSelector }: Config): Alert => {
  const up = selectForeign(UP, collectorSelector)
  return {
    name: 'AfterglowCollectorDown',
    severity: 'critical',
    expr: `${up} == 0
or
${group(['job', 'instance'], `last_over_time(${up}[1h])`)} unless on (job) ${up}`,
    for: '3m',
    toldTo: 'installation',
    summary: 'The collector {instance} does not answer',
    impact: 'Nobody sees what the services do. They go on; what they cannot send they hold for a while, then drop.',
    dashboard: ofCollector,
    queries: { promql: up },
  }
}

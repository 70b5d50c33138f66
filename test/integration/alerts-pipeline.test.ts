// promtool on the shipped rules: telemetry that does not arrive.
import { jest } from '@jest/globals'
import { always, foreignSeries, processSeries } from '../support/alerts/fleet.ts'
import { firing, quiet } from '../support/alerts/expecting.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['prometheus'], import.meta.filename)

const shop = processSeries({ instance: 'a', tasks: { mail: { ends: { completed: always(4) } } } }, 60)
const collector = { job: 'otel-collector', instance: 'c:8888' }
const own = (
  name: string,
  valueAt: (minute: number) => number | undefined,
  labels: Readonly<Record<string, string>> = {},
) => foreignSeries(name, { ...collector, ...labels }, { minutes: 60, valueAt })
const up = own('up', always(1))
const dashboard = 'http://localhost:3000/d/afterglow-pipeline?var-collector=otel-collector&from=now-6h&to=now'
const exporter = 'otlp_http/traces'

suite('alerts on the pipeline', () => {
  firing('fires for spans that an SDK drops, also the first', {
    alert: 'AfterglowTelemetryDropped',
    series: [
      ...shop,
      foreignSeries(
        'otel_sdk_processor_span_processed_total',
        { job: 'shop', instance: 'a', error_type: 'queue_full', otel_component_name: 'batching_span_processor/0' },
        { minutes: 60, valueAt: (minute) => (minute >= 30 ? 120 : undefined) },
      ),
    ],
    silent: 29,
    fires: 30,
    labels: { job: 'shop', signal: 'traces', error_type: 'queue_full' },
    says: {
      summary: 'shop dropped traces (queue_full), within 15m: 120',
      dashboard_url: 'http://localhost:3000/d/afterglow-pipeline?var-job=shop&from=now-6h&to=now',
      promql:
        'sum by (instance, error_type) (last_over_time(otel_sdk_processor_span_processed_total{job="shop",error_type!=""}[1h]) - (otel_sdk_processor_span_processed_total{job="shop",error_type!=""} offset 1h or 0 * last_over_time(otel_sdk_processor_span_processed_total{job="shop",error_type!=""}[1h]))) > 0 or sum by (instance, error_type) (last_over_time(otel_sdk_processor_log_processed_total{job="shop",error_type!=""}[1h]) - (otel_sdk_processor_log_processed_total{job="shop",error_type!=""} offset 1h or 0 * last_over_time(otel_sdk_processor_log_processed_total{job="shop",error_type!=""}[1h]))) > 0',
    },
  })
  firing('fires for log records that an SDK cannot send', {
    alert: 'AfterglowTelemetryDropped',
    series: [
      ...shop,
      foreignSeries(
        'otel_sdk_processor_log_processed_total',
        { job: 'shop', instance: 'a', error_type: 'OTLPExporterError' },
        { minutes: 60, valueAt: (minute) => (minute >= 30 ? 8 : 0) },
      ),
    ],
    silent: 29,
    fires: 35,
    labels: { job: 'shop', signal: 'logs', error_type: 'OTLPExporterError' },
    says: { summary: 'shop dropped logs (OTLPExporterError), within 15m: 8' },
  })
  firing('fires for what a collector cannot send', {
    alert: 'AfterglowCollectorDropping',
    series: [
      ...shop,
      up,
      own('otelcol_exporter_send_failed_spans_total', (minute) => (minute >= 30 ? 40 : undefined), { exporter }),
    ],
    silent: 29,
    fires: 31,
    labels: { ...collector, exporter, signal: 'spans', step: 'send' },
    says: {
      summary: 'The collector c:8888 lost spans of otlp_http/traces (send failed), within 15m: 40',
      dashboard_url: dashboard,
      promql: '{__name__=~"otelcol_exporter_(send|enqueue)_failed_.*_total",instance="c:8888"} > 0',
    },
  })
  for (const signal of ['spans', 'metric_points', 'log_records'])
    for (const [step, other] of [
      ['enqueue', 'send'],
      ['send', 'enqueue'],
    ] as const)
      firing(`tells ${step} from ${other}, of ${signal}`, {
        alert: 'AfterglowCollectorDropping',
        series: [
          up,
          own(`otelcol_exporter_${other}_failed_${signal}_total`, always(0), { exporter }),
          own(`otelcol_exporter_${step}_failed_${signal}_total`, (minute) => Math.max(0, minute - 30), { exporter }),
        ],
        silent: 29,
        fires: 40,
        labels: { ...collector, exporter, signal, step },
        says: {
          summary: `The collector c:8888 lost ${signal} of otlp_http/traces (${step} failed), within 15m: 10`,
        },
      })
  firing('fires before the queue of a collector is full', {
    alert: 'AfterglowCollectorQueueFilling',
    series: [
      up,
      own('otelcol_exporter_queue_size', (minute) => (minute >= 30 ? 85_000 : 10), { exporter }),
      own('otelcol_exporter_queue_capacity', always(100_000), { exporter }),
    ],
    silent: 34,
    fires: 36,
    labels: { ...collector, exporter },
    says: {
      summary: 'The queue of the collector c:8888 for otlp_http/traces is 85% full',
      dashboard_url: dashboard,
      promql: 'otelcol_exporter_queue_size{instance="c:8888"} / otelcol_exporter_queue_capacity{instance="c:8888"}',
    },
  })
  firing('fires for a collector that does not answer', {
    alert: 'AfterglowCollectorDown',
    series: [own('up', (minute) => (minute < 30 ? 1 : 0))],
    silent: 32,
    fires: 34,
    labels: collector,
    says: {
      summary: 'The collector c:8888 does not answer',
      dashboard_url: dashboard,
      promql: 'up{job="otel-collector"}',
    },
  })
  firing('fires when Prometheus no longer knows of any', {
    alert: 'AfterglowCollectorDown',
    series: [own('up', (minute) => (minute < 30 ? 1 : undefined))],
    silent: 29,
    fires: 40,
    labels: collector,
    says: { summary: 'The collector c:8888 does not answer' },
  })
  quiet('AfterglowCollectorDown', 'is silent when one replaces another', {
    series: [
      own('up', (minute) => (minute < 30 ? 1 : undefined)),
      foreignSeries(
        'up',
        { ...collector, instance: 'd:8888' },
        { minutes: 60, valueAt: (n) => (n > 28 ? 1 : undefined) },
      ),
    ],
    at: [32, 36, 45],
  })
})

// Metrics of others that dashboards and rules ask for: of the OpenTelemetry SDK and instrumentation in the application, of
// the collector, and of Prometheus itself. As they are named in Prometheus; test/integration holds each to what is there.

export interface Foreign {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
}

const component = ['otel_component_name', 'otel_component_type']

/** Of the SDK in the application. `koa-afterglow/otel` turns them on. */
export const SDK = {
  spansProcessed: counter('otel_sdk_processor_span_processed_total', [...component, 'error_type']),
  logsProcessed: counter('otel_sdk_processor_log_processed_total', [...component, 'error_type']),
  spanQueue: gauge('otel_sdk_processor_span_queue_size', component),
  spanCapacity: gauge('otel_sdk_processor_span_queue_capacity', component),
  logQueue: gauge('otel_sdk_processor_log_queue_size', component),
  logCapacity: gauge('otel_sdk_processor_log_queue_capacity', component),
} as const

/** Of the HTTP instrumentation. */
export const REQUEST_DURATION = histogram('http_server_request_duration_seconds', [
  'http_route',
  'http_request_method',
  'http_response_status_code',
])

/** Of the collector's `span_metrics`: the library's spans as they came by, before sampling, with exemplars. */
export const SPAN_METRICS = {
  calls: counter('afterglow_task_span_calls_total', ['afterglow_task_name', 'afterglow_task_outcome', 'error_type']),
  duration: histogram('afterglow_task_span_duration_seconds', [
    'afterglow_task_name',
    'afterglow_task_outcome',
    'error_type',
  ]),
} as const

/** Of the collector itself, scraped. */
export const COLLECTOR = {
  uptime: counter('otelcol_process_uptime_seconds_total', []),
  memory: gauge('otelcol_process_memory_rss_bytes', []),
  acceptedSpans: counter('otelcol_receiver_accepted_spans_total', ['receiver', 'transport']),
  acceptedLogs: counter('otelcol_receiver_accepted_log_records_total', ['receiver', 'transport']),
  acceptedPoints: counter('otelcol_receiver_accepted_metric_points_total', ['receiver', 'transport']),
  refusedSpans: counter('otelcol_receiver_refused_spans_total', ['receiver', 'transport']),
  refusedLogs: counter('otelcol_receiver_refused_log_records_total', ['receiver', 'transport']),
  refusedPoints: counter('otelcol_receiver_refused_metric_points_total', ['receiver', 'transport']),
  queueSize: gauge('otelcol_exporter_queue_size', ['exporter', 'data_type']),
  queueCapacity: gauge('otelcol_exporter_queue_capacity', ['exporter', 'data_type']),
  sentSpans: counter('otelcol_exporter_sent_spans_total', ['exporter']),
  sentLogs: counter('otelcol_exporter_sent_log_records_total', ['exporter']),
  sentPoints: counter('otelcol_exporter_sent_metric_points_total', ['exporter']),
  unsentSpans: counter('otelcol_exporter_send_failed_spans_total', ['exporter']),
  unsentLogs: counter('otelcol_exporter_send_failed_log_records_total', ['exporter']),
  unsentPoints: counter('otelcol_exporter_send_failed_metric_points_total', ['exporter']),
  unqueuedSpans: counter('otelcol_exporter_enqueue_failed_spans_total', ['exporter']),
  unqueuedLogs: counter('otelcol_exporter_enqueue_failed_log_records_total', ['exporter']),
  unqueuedPoints: counter('otelcol_exporter_enqueue_failed_metric_points_total', ['exporter']),
} as const

/** Of its tail sampling, an overlay that need not be there. */
export const SAMPLING = {
  decided: counter('otelcol_processor_tail_sampling_global_count_traces_sampled_total', ['sampled', 'decision']),
  inMemory: gauge('otelcol_processor_tail_sampling_sampling_traces_on_memory', []),
  droppedTooEarly: counter('otelcol_processor_tail_sampling_sampling_trace_dropped_too_early_total', []),
} as const

/** Of Prometheus: whether it could scrape. */
export const UP = gauge('up', [])

export const FOREIGN: readonly Foreign[] = [
  ...Object.values(SDK),
  REQUEST_DURATION,
  ...Object.values(SPAN_METRICS),
  ...Object.values(COLLECTOR),
  ...Object.values(SAMPLING),
  UP,
]

/** @throws Error for a label that it does not have */
export function selectForeign(metric: Foreign, scope: string, where: Readonly<Record<string, string>> = {}): string {
  const unknown = Object.keys(where).filter((label) => !metric.labels.includes(label))
  if (unknown.length > 0) throw new Error(`${metric.name} has no ${unknown.join(', ')}`)
  const matchers = Object.entries(where).map(([label, matcher]) => `${label}${matcher}`)
  const all = [scope, ...matchers].filter(Boolean).join(',')
  return `${metric.name}${metric.kind === 'histogram' ? '_bucket' : ''}{${all}}`
}

function counter(name: string, labels: readonly string[]): Foreign {
  return { name, kind: 'counter', labels }
}
function gauge(name: string, labels: readonly string[]): Foreign {
  return { name, kind: 'gauge', labels }
}
function histogram(name: string, labels: readonly string[]): Foreign {
  return { name, kind: 'histogram', labels }
}

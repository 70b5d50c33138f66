import { context, metrics, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type CollectionResult,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import pino from 'pino'

/** What left the process, and what would. */
export interface BenchSdk {
  /** How many it was given of tasks; a drain has one, too. */
  spans(): number
  /** Sends the spans that wait. */
  flush(): Promise<void>
  /** The sum of each counter's points, by the metric's name and the value of `attribute`. */
  collect(attribute: string): Promise<ReadonlyMap<string, number>>
}

/** An SDK as in production, but for an exporter that throws away, so that only what is done per task is measured. */
export function startSdk(): BenchSdk {
  let exported = 0
  const exporter: SpanExporter = {
    export: (spans, done) => {
      for (const { name } of spans) if (name.startsWith('run ')) exported++
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- success; the enum's package is not depended on here
      done({ code: 0 })
    },
    shutdown: async () => {},
    forceFlush: async () => {},
  }
  const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 1_000_000, maxExportBatchSize: 8_192 })
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 1_000_000,
    exportTimeoutMillis: 1_000,
  })
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  return {
    spans: () => exported,
    flush: () => processor.forceFlush(),
    collect: async (attribute) => sums(await reader.collect(), attribute),
  }
}

function sums({ resourceMetrics }: CollectionResult, attribute: string): ReadonlyMap<string, number> {
  const all = new Map<string, number>()
  for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics))
    for (const { attributes, value } of dataPoints) {
      if (typeof value !== 'number') continue
      const by = attributes[attribute]
      const key = typeof by === 'string' ? `${descriptor.name} ${by}` : descriptor.name
      all.set(key, (all.get(key) ?? 0) + value)
    }
  return all
}

export function nullLogger() {
  const destination = pino.destination({ dest: '/dev/null', sync: false, minLength: 4096 })
  const flush = () => new Promise<void>((resolve) => destination.flush(() => resolve()))
  return { logger: pino({}, destination), flush }
}

/**
 * What a careful engineer writes by hand round a bare call: a span, two histograms, two counters and a log line. The
 * floor that the library is measured against.
 */
export function byHand(logger: pino.Logger): (work: () => Promise<void>) => Promise<void> {
  const tracer = trace.getTracer('by-hand')
  const meter = metrics.getMeter('by-hand')
  const run = meter.createHistogram('run', { unit: 's' })
  const wait = meter.createHistogram('wait', { unit: 's' })
  const settled = meter.createCounter('settled')
  const accepted = meter.createCounter('accepted')
  return async (work) => {
    const began = performance.now()
    accepted.add(1, { name: 'mail', result: 'accepted' })
    const attributes = { name: 'mail', id: 'abcdef', attempt: 1, max: 1, engine: 'in_process', relation: 'child' }
    const span = tracer.startSpan('run mail', { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT)
    await context.with(trace.setSpan(ROOT_CONTEXT, span), work)
    const seconds = (performance.now() - began) / 1000
    const ended = { name: 'mail', engine: 'in_process', outcome: 'completed' }
    run.record(seconds, ended)
    wait.record(seconds, { name: 'mail', engine: 'in_process' })
    settled.add(1, ended)
    const { traceId, spanId } = span.spanContext()
    const line = { event: 'completed', name: 'mail', id: 'abcdef', attempt: 1, outcome: 'completed', run: seconds }
    logger.info({ ...line, trace_id: traceId, span_id: spanId }, 'task completed')
    span.setAttribute('outcome', 'completed')
    span.end()
  }
}

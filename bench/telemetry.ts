import { context, metrics, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace'
import pino from 'pino'

/** An SDK as in production, but for an exporter that throws away, so that only what is done per task is measured. */
export function startSdk(): void {
  const exporter: SpanExporter = {
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- success; the enum's package is not depended on here
    export: (_spans, done) => done({ code: 0 }),
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

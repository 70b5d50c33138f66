// SDK 2 as an application starts it by hand: `node --import` this. Exports traces and metrics by OTLP.
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from 'context-async-hooks-v2'
import { OTLPMetricExporter } from 'exporter-metrics-otlp-v2'
import { OTLPTraceExporter } from 'exporter-trace-otlp-v2'
import { HttpInstrumentation } from 'instrumentation-http-v2'
import { MeterProvider, PeriodicExportingMetricReader } from 'sdk-metrics-v2'
import { BasicTracerProvider, BatchSpanProcessor } from 'sdk-trace-v2'

const tracerProvider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
const reader = new PeriodicExportingMetricReader({
  exporter: new OTLPMetricExporter(),
  exportIntervalMillis: 250,
  exportTimeoutMillis: 250,
})
const meterProvider = new MeterProvider({ readers: [reader] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(tracerProvider)
metrics.setGlobalMeterProvider(meterProvider)
new HttpInstrumentation().setTracerProvider(tracerProvider)

const shutdown = async (): Promise<void> => {
  await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()])
}
Object.assign(globalThis, { telemetry: { shutdown } })

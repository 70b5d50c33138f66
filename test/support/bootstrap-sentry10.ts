// Sentry 10 as an application starts it, with its spans also sent by OTLP: `node --import` this. It pins API 1.9, so in an
// application that has it there is one copy, and it is that one; here it is made the one copy for everything.
import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const load = createRequire(import.meta.url)
const ofSentry = createRequire(load.resolve('sentry-node-v10'))
const api = pathToFileURL(ofSentry.resolve('@opentelemetry/api')).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@opentelemetry/api' ? { url: api, shortCircuit: true } : next(specifier, context),
})

const Sentry = load('sentry-node-v10') as typeof import('sentry-node-v10')
const { OTLPTraceExporter } = load('exporter-trace-otlp-v2') as typeof import('exporter-trace-otlp-v2')
const { BatchSpanProcessor } = load('sdk-trace-v2') as typeof import('sdk-trace-v2')

Sentry.init({
  // Nobody there; but without an address Sentry records no requests.
  dsn: 'http://key@127.0.0.1:9/1',
  tracesSampleRate: 1,
  openTelemetrySpanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
})
const shutdown = async (): Promise<void> => void (await Sentry.close(2_000))
Object.assign(globalThis, { telemetry: { shutdown } })

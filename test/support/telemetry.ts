import { context, metrics, propagation, SpanKind, trace, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import type { Attributes, Context, HrTime, Link, SpanContext, SpanStatus } from '@opentelemetry/api'
import * as context3 from '@opentelemetry/context-async-hooks'
import * as metrics3 from '@opentelemetry/sdk-metrics'
import * as trace3 from '@opentelemetry/sdk-trace'
import * as context2 from 'context-async-hooks-v2'
import * as metrics2 from 'sdk-metrics-v2'
import * as trace2 from 'sdk-trace-v2'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import pino from 'pino'
import { VERSION } from '../../src/telemetry/version.ts'

/** What both SDK generations call a finished span. */
export interface SeenSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
  readonly status: SpanStatus
  readonly links: readonly Link[]
  readonly events: readonly { readonly name: string; readonly attributes?: Attributes }[]
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly parentSpanContext?: SpanContext
  readonly instrumentationScope: { readonly name: string }
  spanContext(): SpanContext
}
export interface SeenPoint {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly attributes: Attributes
  readonly value: unknown
}

export interface Sdk {
  spans(): readonly SeenSpan[]
  /** What one of its readers collects now. */
  points(reader?: number): Promise<readonly SeenPoint[]>
  /** The same as the SDK gives it, of the first reader. */
  collect(): Promise<Collected>
  [Symbol.asyncDispose](): Promise<void>
}

interface Metric {
  readonly descriptor: { readonly name: string; readonly unit: string; readonly description: string }
  readonly dataPoints: readonly { readonly attributes: Attributes; readonly value: unknown }[]
}
interface Collected {
  readonly resourceMetrics: {
    readonly scopeMetrics: readonly { readonly scope: { readonly name: string }; readonly metrics: readonly Metric[] }[]
  }
}
const pointsOf = ({ resourceMetrics }: Collected): readonly SeenPoint[] =>
  resourceMetrics.scopeMetrics
    .flatMap((scope) => scope.metrics)
    .flatMap(({ descriptor: { name, unit, description }, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({ name, unit, description, attributes, value })),
    )

export interface SdkOptions {
  /** @default 'CUMULATIVE' */
  readonly temporality?: 'CUMULATIVE' | 'DELTA'
  /** @default 1 */
  readonly readers?: number
}
function collected(readers: readonly { collect(): Promise<Collected> }[], index = 0): Promise<Collected> {
  const reader = readers[index]
  if (!reader) throw new Error(`there is no reader ${index}`)
  return reader.collect()
}

function sdk3({ temporality = 'CUMULATIVE', readers: count = 1 }: SdkOptions = {}): Sdk {
  const exporter = new trace3.InMemorySpanExporter()
  const tracerProvider = new trace3.TracerProvider({ spanProcessors: [new trace3.SimpleSpanProcessor({ exporter })] })
  const newReader = () =>
    new metrics3.PeriodicExportingMetricReader({
      exporter: new metrics3.InMemoryMetricExporter(metrics3.AggregationTemporality[temporality]),
      exportIntervalMillis: 1_000_000,
      exportTimeoutMillis: 1_000,
    })
  const readers = Array.from({ length: count }, newReader)
  const meterProvider = new metrics3.MeterProvider({ readers })
  trace.setGlobalTracerProvider(tracerProvider)
  context.setGlobalContextManager(new context3.AsyncLocalStorageContextManager().enable())
  metrics.setGlobalMeterProvider(meterProvider)
  return {
    spans: () => exporter.getFinishedSpans(),
    points: async (reader) => pointsOf(await collected(readers, reader)),
    collect: () => collected(readers),
    [Symbol.asyncDispose]: () => stop([tracerProvider, meterProvider]),
  }
}

function sdk2({ temporality = 'CUMULATIVE', readers: count = 1 }: SdkOptions = {}): Sdk {
  const exporter = new trace2.InMemorySpanExporter()
  const tracerProvider = new trace2.BasicTracerProvider({ spanProcessors: [new trace2.SimpleSpanProcessor(exporter)] })
  const newReader = () =>
    new metrics2.PeriodicExportingMetricReader({
      exporter: new metrics2.InMemoryMetricExporter(metrics2.AggregationTemporality[temporality]),
      exportIntervalMillis: 1_000_000,
      exportTimeoutMillis: 1_000,
    })
  const readers = Array.from({ length: count }, newReader)
  const meterProvider = new metrics2.MeterProvider({ readers })
  trace.setGlobalTracerProvider(tracerProvider)
  context.setGlobalContextManager(new context2.AsyncLocalStorageContextManager().enable())
  metrics.setGlobalMeterProvider(meterProvider)
  return {
    spans: () => exporter.getFinishedSpans(),
    points: async (reader) => pointsOf(await collected(readers, reader)),
    collect: () => collected(readers),
    [Symbol.asyncDispose]: () => stop([tracerProvider, meterProvider]),
  }
}

async function stop(providers: readonly { shutdown(): Promise<void> }[]): Promise<void> {
  for (const provider of providers) await provider.shutdown()
  trace.disable()
  metrics.disable()
  context.disable()
  propagation.disable()
}

/** The generations of the SDK that the library is held to, by name. */
export const SDKS = { 'SDK 3': sdk3, 'SDK 2': sdk2 } as const
export type SdkName = keyof typeof SDKS
export const SDK_NAMES = Object.keys(SDKS) as SdkName[]

/** What runners of earlier tests counted is kept for the process; this forgets it. */
export const forgetMetrics = (): void =>
  void Reflect.deleteProperty(globalThis, Symbol.for(`koa-afterglow.metrics@${VERSION}`))

const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')

/** Opens a SERVER span round a request listener and ends it at `close`, where http instrumentation does. */
export function instrumented(listener: RequestListener): RequestListener {
  const tracer = trace.getTracer('http')
  return (req, res) => {
    const span = tracer.startSpan(req.method ?? '', { kind: SpanKind.SERVER }, ROOT_CONTEXT)
    res.on('close', () => span.end())
    const active = trace.setSpan(ROOT_CONTEXT, span).setValue(RPC_METADATA, { span })
    context.with(active, () => listener(req, res))
  }
}

/** Serves `listener` on a free port; `get` gives the status once the whole response was read. */
export async function served(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo
  return {
    get: async (path = '/') => {
      const response = await fetch(`http://localhost:${port}${path}`, { headers: { connection: 'close' } })
      await response.text()
      return response.status
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** A pino that writes into an array. */
export function remembering(options: pino.LoggerOptions = {}) {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as Record<string, unknown>)
      done()
    },
  })
  return { lines, logger: pino({ base: null, timestamp: false, ...options }, stream) }
}

export const activeSpanOf = (active: Context = context.active()) => trace.getSpanContext(active)

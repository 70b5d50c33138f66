// The real OpenTelemetry Collector with the shipped otel-collector.yaml, for tests: what is sent to `endpoint`
// leaves it through the file exporter, beside the shipped exporters, and is read back from there.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const buildScript = join(root, 'stack', 'build.ts')
const signals = ['traces', 'metrics', 'logs'] as const

export const shippedConfig = join(root, 'otel-collector.yaml')

type Attributes = Record<string, unknown>

export interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: Attributes
  readonly links: { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[]
  readonly resource: Attributes
}

/** One data point of one metric: `value` of a sum or gauge, `count` of a histogram. */
export interface ExportedPoint {
  readonly metric: string
  readonly unit: string | undefined
  readonly value: number | undefined
  readonly count: number | undefined
  readonly attributes: Attributes
  readonly exemplars: { readonly traceId: string; readonly spanId: string; readonly value: number | undefined }[]
  readonly resource: Attributes
}

export interface ExportedLog {
  readonly body: unknown
  readonly eventName: string | undefined
  readonly severityNumber: number | undefined
  readonly traceId: string | undefined
  readonly attributes: Attributes
  readonly resource: Attributes
}

export interface CollectorOptions {
  /** Further config files, merged over the shipped one in this order. */
  readonly overlays?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Collector extends AsyncDisposable {
  /** Base address of its OTLP/HTTP receiver. */
  readonly endpoint: string
  /** Its own log so far. */
  output(): string
  traces(): Promise<ExportedSpan[]>
  metrics(): Promise<ExportedPoint[]>
  logs(): Promise<ExportedLog[]>
  /** Asks `find` after each sign of life (a file grew, a line of log) until it answers with more than undefined. */
  until<Found>(find: () => Promise<Found | undefined> | Found | undefined, timeoutMs?: number): Promise<Found>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Why there can be no collector here, or undefined if there can: callers skip visibly, with this reason. */
export function collectorUnavailable(): string | undefined {
  const { status, stderr } = spawnSync(process.execPath, [buildScript, 'collector', '--check'], { encoding: 'utf8' })
  return status === 3 ? stderr.trim().split('\n').at(-1) : undefined
}

/** The path of the collector's binary; the first call on a machine builds it, which takes minutes. */
export async function collectorBinary(): Promise<string> {
  const { exitCode, stdout, stderr } = await run(process.execPath, [buildScript, 'collector'])
  if (exitCode !== 0) throw new Error(`the collector could not be built: ${stderr}`)
  return stdout.trim()
}

export async function run(
  command: string,
  args: readonly string[],
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err] = [capture(child.stdout), capture(child.stderr)]
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, stdout: out.text, stderr: err.text }
}

export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const binary = await collectorBinary()
  const folder = await mkdtemp(join(tmpdir(), 'afterglow-collector-'))
  const [grpc, http, health, self, nobody] = await freePorts(5)
  const overlay = join(folder, 'test-overlay.yaml')
  await writeFile(overlay, JSON.stringify(testOverlay(folder)))
  const configs = [shippedConfig, ...(options.overlays ?? []), overlay].flatMap((file) => ['--config', file])
  const child = spawn(binary, configs, {
    cwd: folder,
    env: {
      ...process.env,
      OTELCOL_GRPC_PORT: String(grpc),
      OTELCOL_HTTP_PORT: String(http),
      OTELCOL_HEALTH_PORT: String(health),
      OTELCOL_SELF_METRICS_PORT: String(self),
      // The shipped exporters keep their part and meet a back end that is away.
      OTELCOL_TRACES_ENDPOINT: `http://127.0.0.1:${nobody}`,
      OTELCOL_METRICS_ENDPOINT: `http://127.0.0.1:${nobody}`,
      OTELCOL_LOGS_ENDPOINT: `http://127.0.0.1:${nobody}`,
      ...options.env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const collector = new RunningCollector(child, folder, `http://127.0.0.1:${http}`)
  try {
    await collector.until(() => collector.output().includes('Everything is ready') || undefined)
  } catch (error) {
    await collector[Symbol.asyncDispose]()
    throw error
  }
  return collector
}

/** Beside every shipped exporter a file; span metrics and files are flushed at once, not every 15 and 1 seconds. */
function testOverlay(folder: string): object {
  const file = (signal: string) => ({ path: join(folder, `${signal}.jsonl`), flush_interval: '20ms' })
  const both = (signal: string) => ({ exporters: [`otlp_http/${signal}`, `file/${signal}`] })
  return {
    connectors: { span_metrics: { metrics_flush_interval: '100ms' } },
    exporters: Object.fromEntries(signals.map((signal) => [`file/${signal}`, file(signal)])),
    service: { pipelines: { 'traces/out': both('traces'), metrics: both('metrics'), logs: both('logs') } },
  }
}

class RunningCollector implements Collector {
  readonly endpoint: string
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #log: { text: string }
  readonly #closed: Promise<number | null>
  #gone = false

  constructor(child: ChildProcess, folder: string, endpoint: string) {
    this.endpoint = endpoint
    this.#child = child
    this.#folder = folder
    this.#log = capture(child.stderr)
    this.#closed = new Promise((resolve, reject) => child.once('close', resolve).once('error', reject))
    child.once('close', () => (this.#gone = true))
  }

  output(): string {
    return this.#log.text
  }

  async traces(): Promise<ExportedSpan[]> {
    const requests = await this.#left<TracesJson>('traces')
    return requests.flatMap((request) => request.resourceSpans ?? []).flatMap(spansOf)
  }

  async metrics(): Promise<ExportedPoint[]> {
    const requests = await this.#left<MetricsJson>('metrics')
    return requests.flatMap((request) => request.resourceMetrics ?? []).flatMap(pointsOf)
  }

  async logs(): Promise<ExportedLog[]> {
    const requests = await this.#left<LogsJson>('logs')
    return requests.flatMap((request) => request.resourceLogs ?? []).flatMap(logsOf)
  }

  async until<Found>(find: () => Promise<Found | undefined> | Found | undefined, timeoutMs = 8_000): Promise<Found> {
    let wake = (): void => {}
    const timeout = AbortSignal.timeout(timeoutMs)
    const closed = this.#closed.then(() => wake())
    const watcher = watch(this.#folder, () => wake())
    const heard = (): void => wake()
    this.#child.stderr?.on('data', heard)
    timeout.addEventListener('abort', heard)
    try {
      for (;;) {
        // Listening starts before looking, so that what happens meanwhile is not missed.
        const sign = new Promise<void>((resolve) => (wake = resolve))
        const found = await find()
        if (found !== undefined) return found
        if (this.#gone) throw new Error(`the collector is gone:\n${this.#log.text}`)
        if (timeout.aborted) throw new Error(`waited ${timeoutMs} ms in vain; the collector said:\n${this.#log.text}`)
        await Promise.race([sign, closed])
      }
    } finally {
      watcher.close()
      this.#child.stderr?.off('data', heard)
    }
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stuck = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.stop()
    clearTimeout(stuck)
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** One OTLP/JSON request per line, `{}` if it carries nothing; the last one may still be being written. */
  async #left<Request>(signal: (typeof signals)[number]): Promise<Request[]> {
    const text = await readFile(join(this.#folder, `${signal}.jsonl`), 'utf8')
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Request)
  }
}

// OTLP/JSON, as far as it is read here.
interface AnyValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number
  arrayValue?: { values?: AnyValue[] }
  kvlistValue?: { values?: KeyValue[] }
}
interface KeyValue {
  key: string
  value: AnyValue
}
interface WithAttributes {
  attributes?: KeyValue[]
}
interface Reference {
  traceId: string
  spanId: string
}
interface NumberJson {
  asInt?: string
  asDouble?: number
}
interface SpanJson extends WithAttributes, Reference {
  parentSpanId?: string
  name: string
  kind: number
  status?: { code?: number; message?: string }
  links?: (Reference & WithAttributes)[]
}
interface PointsJson {
  dataPoints: (WithAttributes & NumberJson & { count?: string; exemplars?: (Reference & NumberJson)[] })[]
}
interface MetricJson {
  name: string
  unit?: string
  sum?: PointsJson
  gauge?: PointsJson
  histogram?: PointsJson
}
interface LogJson extends WithAttributes {
  body?: AnyValue
  eventName?: string
  severityNumber?: number
  traceId?: string
}
interface TracesJson {
  resourceSpans?: { resource: WithAttributes; scopeSpans: { spans: SpanJson[] }[] }[]
}
interface MetricsJson {
  resourceMetrics?: { resource: WithAttributes; scopeMetrics: { metrics: MetricJson[] }[] }[]
}
interface LogsJson {
  resourceLogs?: { resource: WithAttributes; scopeLogs: { logRecords: LogJson[] }[] }[]
}

function spansOf({ resource, scopeSpans }: NonNullable<TracesJson['resourceSpans']>[number]): ExportedSpan[] {
  const spans = scopeSpans.flatMap((scope) => scope.spans)
  return spans.map(({ traceId, spanId, parentSpanId, name, kind, status, links, attributes }) => ({
    traceId,
    spanId,
    parentSpanId: parentSpanId || undefined,
    name,
    kind,
    status: status ?? {},
    attributes: record(attributes),
    links: (links ?? []).map((link) => ({ ...link, attributes: record(link.attributes) })),
    resource: record(resource.attributes),
  }))
}

function pointsOf({ resource, scopeMetrics }: NonNullable<MetricsJson['resourceMetrics']>[number]): ExportedPoint[] {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics)
  return metrics.flatMap(({ name, unit, sum, gauge, histogram }) =>
    ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((point) => ({
      metric: name,
      unit,
      value: numberOf(point),
      count: point.count === undefined ? undefined : Number(point.count),
      attributes: record(point.attributes),
      exemplars: (point.exemplars ?? []).map((exemplar) => ({
        traceId: exemplar.traceId,
        spanId: exemplar.spanId,
        value: numberOf(exemplar),
      })),
      resource: record(resource.attributes),
    })),
  )
}

function logsOf({ resource, scopeLogs }: NonNullable<LogsJson['resourceLogs']>[number]): ExportedLog[] {
  const records = scopeLogs.flatMap((scope) => scope.logRecords)
  return records.map(({ body, eventName, severityNumber, traceId, attributes }) => ({
    body: body && valueOf(body),
    eventName,
    severityNumber,
    traceId: traceId || undefined,
    attributes: record(attributes),
    resource: record(resource.attributes),
  }))
}

function record(attributes: KeyValue[] = []): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf(value: AnyValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(valueOf)
  if (value.kvlistValue) return record(value.kvlistValue.values)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}

function numberOf({ asInt, asDouble }: NumberJson): number | undefined {
  return asDouble ?? (asInt === undefined ? undefined : Number(asInt))
}

function capture(stream: NodeJS.ReadableStream | null): { text: string } {
  const captured = { text: '' }
  stream?.setEncoding('utf8').on('data', (chunk: string) => (captured.text += chunk))
  return captured
}

/** All are open at once before any is closed, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

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
import { join, relative } from 'node:path'
import { describe } from '@jest/globals'
import { logsOf, pointsOf, spansOf } from './otlp-json.ts'
import type { ExportedLog, ExportedPoint, ExportedSpan, LogsJson, MetricsJson, TracesJson } from './otlp-json.ts'

export const root = join(import.meta.dirname, '..', '..')
const buildScript = join(root, 'stack', 'build.ts')
export type Tool = 'collector' | 'prometheus' | 'compose'

/** For hooks that may be the first to need a binary. */
export const BUILD_MS = 20 * 60_000

const signals = ['traces', 'metrics', 'logs'] as const

export const shippedConfig = join(root, 'otel-collector.yaml')
export const tailSampling = join(root, 'otel-collector.tail-sampling.yaml')
export const stackOverlay = join(root, 'stack', 'otel-collector.stack.yaml')
export const debugging = join(root, 'otel-collector.debug.yaml')

export interface CollectorOptions {
  /** Further config files, or what would be in them, merged over the shipped one in this order. */
  readonly overlays?: readonly (string | object)[]
  readonly env?: Readonly<Record<string, string>>
  /** False: nothing is added to the shipped files, and so nothing can be read back. @default true */
  readonly readBack?: boolean
}

export interface Collector extends AsyncDisposable {
  /** Base address of its OTLP/HTTP receiver. */
  readonly endpoint: string
  /** Its own log so far. */
  output(): string
  traces(): Promise<ExportedSpan[]>
  metrics(): Promise<ExportedPoint[]>
  logs(): Promise<ExportedLog[]>
  /** All that left it, as it was written. */
  everything(): Promise<string>
  /** Asks `find` after each sign of life (a file grew, a line of log) until it answers with more than undefined. */
  until<Found>(find: () => Promise<Found | undefined> | Found | undefined, timeoutMs?: number): Promise<Found>
  /** SIGTERM, unless told otherwise; resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Why there can be none of these here, or undefined if there can: callers skip visibly, with this reason. */
export function unavailable(...tools: readonly Tool[]): string | undefined {
  for (const tool of tools) {
    const { status, stderr } = spawnSync(process.execPath, [buildScript, tool, '--check'], { encoding: 'utf8' })
    if (status === 3) return stderr.trim().split('\n').at(-1)
  }
  return undefined
}

/** `describe` where the tools are or can be built, else a skipped one that names the reason. */
export function suiteWith(tools: readonly Tool[], file: string): (name: string, tests: () => void) => void {
  const reason = unavailable(...tools)
  const suite = reason === undefined ? describe : describe.skip
  // Jest prints no names of a file that is skipped whole.
  if (reason !== undefined) process.stderr.write(`skipped ${relative(root, file)}: ${reason}\n`)
  return (name, tests) => suite(reason === undefined ? name : `${name} (skipped: ${reason})`, tests)
}

/** The path of the binary; the first call on a machine builds it, which takes minutes. */
export async function binaryOf(tool: Tool): Promise<string> {
  const { exitCode, stdout, stderr } = await run(process.execPath, [buildScript, tool])
  if (exitCode !== 0) throw new Error(`${tool} could not be built: ${stderr}`)
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
  const { overlays = [], env = {}, readBack = true } = options
  const binary = await binaryOf('collector')
  const folder = await mkdtemp(join(tmpdir(), 'afterglow-collector-'))
  const [grpc, http, health, self, nobody] = await freePorts(5)
  const added = [...overlays, ...(readBack ? [testOverlay(folder)] : [])]
  const configs = await Promise.all(added.map((one, at) => fileOf(one, folder, at)))
  const child = spawn(
    binary,
    [shippedConfig, ...configs].flatMap((file) => ['--config', file]),
    {
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
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const collector = new RunningCollector(child, folder, `http://127.0.0.1:${http}`)
  try {
    await collector.until(() => collector.output().includes('Everything is ready') || undefined)
  } catch (error) {
    await collector[Symbol.asyncDispose]()
    throw error
  }
  return collector
}

async function fileOf(overlay: string | object, folder: string, at: number): Promise<string> {
  if (typeof overlay === 'string') return overlay
  const file = join(folder, `overlay-${at}.yaml`)
  await writeFile(file, JSON.stringify(overlay))
  return file
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

  async everything(): Promise<string> {
    const texts = signals.map((signal) => readFile(join(this.#folder, `${signal}.jsonl`), 'utf8'))
    return (await Promise.all(texts)).join('')
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
        if (this.#gone) throw new Error(`the collector is gone:\n${this.#end()}`)
        if (timeout.aborted) throw new Error(`waited ${timeoutMs} ms in vain; the collector last said:\n${this.#end()}`)
        await Promise.race([sign, closed])
      }
    } finally {
      watcher.close()
      this.#child.stderr?.off('data', heard)
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal)
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stuck = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.stop()
    clearTimeout(stuck)
    await rm(this.#folder, { recursive: true, force: true })
  }

  #end(): string {
    return this.#log.text.split('\n').slice(-6).join('\n')
  }

  /** One OTLP/JSON request per line, `{}` if it carries nothing; the last one may still be being written. */
  async #left<Request>(signal: (typeof signals)[number]): Promise<Request[]> {
    const text = await readFile(join(this.#folder, `${signal}.jsonl`), 'utf8')
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Request)
  }
}

export function capture(stream: NodeJS.ReadableStream | null): { text: string } {
  const captured = { text: '' }
  stream?.setEncoding('utf8').on('data', (chunk: string) => (captured.text += chunk))
  return captured
}

/** All are open at once before any is closed, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

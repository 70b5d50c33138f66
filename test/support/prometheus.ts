// The real Prometheus with stack/prometheus.yaml, for tests: what is sent to `otlp` can be asked for by PromQL.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { MetricName } from '../../src/telemetry/names.ts'
import { binaryOf, capture, freePorts, root } from './collector.ts'

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [time: number, value: string]
}
export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [time: number, value: string])[]
}
export interface SeriesExemplars {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[]
}

/** As its API tells of them. */
export interface FiringAlert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface PrometheusOptions {
  readonly rules?: Readonly<Record<string, string>>
  readonly data?: string
}

export class Prometheus implements AsyncDisposable {
  readonly url: string
  /** Two ports that it scrapes as collectors: for OTELCOL_SELF_METRICS_PORT. */
  readonly targets: readonly number[]
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(
    child: ChildProcess,
    url: string,
    { folder, targets }: { readonly folder: string; readonly targets: readonly number[] },
  ) {
    this.#child = child
    this.url = url
    this.#folder = folder
    this.targets = targets
  }

  /** With rule files by name, and the blocks in `data`, which outlive it: where they matter. */
  static async start({ rules = {}, data }: PrometheusOptions = {}): Promise<Prometheus> {
    const binary = await binaryOf('prometheus')
    const folder = await mkdtemp(join(tmpdir(), 'afterglow-prometheus-'))
    const [port, ...targets] = await freePorts(3)
    const config = join(folder, 'prometheus.yaml')
    const shipped = await readFile(join(root, 'stack', 'prometheus.yaml'), 'utf8')
    const scraped = JSON.stringify(targets.map((target) => `127.0.0.1:${target}`))
    await writeFile(
      config,
      shipped.replace("['127.0.0.1:8888']", scraped).replace('scrape_interval: 15s', 'scrape_interval: 1s'),
    )
    await mkdir(join(folder, 'rules'))
    for (const [name, text] of Object.entries(rules)) await writeFile(join(folder, 'rules', name), text)
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data ?? folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    args.push('--web.enable-otlp-receiver', '--enable-feature=exemplar-storage')
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const log = capture(child.stderr)
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    while (!log.text.includes('ready to receive web requests')) {
      await Promise.race([once(child.stderr, 'data'), closed])
      if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${log.text}`)
    }
    return new Prometheus(child, `http://127.0.0.1:${port}`, { folder, targets })
  }

  /** For OTELCOL_METRICS_ENDPOINT. */
  get otlp(): string {
    return `${this.url}/api/v1/otlp`
  }

  /** At `time`, in Unix seconds, or now. */
  async query(promql: string, time?: number): Promise<Series[]> {
    const at = time === undefined ? {} : { time }
    return ((await this.#get('query', { query: promql, ...at })) as { result: Series[] }).result
  }

  async queryRange(promql: string, range: { start: number; end: number; step: number }): Promise<RangeSeries[]> {
    const answer = await this.#get('query_range', { query: promql, ...range })
    return (answer as { result: RangeSeries[] }).result
  }

  async exemplars(selector: string): Promise<SeriesExemplars[]> {
    const now = Date.now() / 1000
    return (await this.#get('query_exemplars', {
      query: selector,
      start: now - 600,
      end: now + 60,
    })) as SeriesExemplars[]
  }

  /** Alerts that are pending or fire. */
  async alerts(): Promise<readonly FiringAlert[]> {
    return ((await this.#get('alerts', {})) as { alerts: FiringAlert[] }).alerts
  }

  /** Of the series that a selector finds. */
  async labelValues(label: string, selector: string): Promise<string[]> {
    return (await this.#get(`label/${label}/values`, { 'match[]': selector })) as string[]
  }

  /** Every metric name that has a series. */
  async names(): Promise<string[]> {
    return (await this.#get('label/__name__/values', {})) as string[]
  }

  /** Prometheus does not say when something arrives, so it is asked again. */
  async until<Found>(ask: () => Promise<Found | undefined>, timeoutMs = 20_000): Promise<Found> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const found = await ask()
      if (found !== undefined) return found
      if (performance.now() > end)
        throw new Error(`asked for ${timeoutMs} ms in vain; it has ${(await this.names()).join(', ')}`)
      await setTimeout(100)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #get(path: string, parameters: Readonly<Record<string, string | number>>): Promise<unknown> {
    const pairs = Object.entries(parameters).map(([name, value]) => [name, String(value)])
    const query = String(new URLSearchParams(pairs))
    const response = await fetch(`${this.url}/api/v1/${path}?${query}`)
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string }
    if (status !== 'success') throw new Error(`Prometheus refused ${path} ${query}: ${error}`)
    return data
  }
}

/** The unit as UnderscoreEscapingWithSuffixes writes it; what stands in braces is an annotation, and no unit. */
const UNITS: Readonly<Record<string, string>> = { s: '_seconds', ms: '_milliseconds', By: '_bytes', '1': '_ratio' }

/** The names of the series of an instrument, by the documented rule of Prometheus' OTLP receiver. */
export function seriesNames({ name, unit, kind }: MetricName): string[] {
  const base = `${name.replaceAll(/[^a-zA-Z0-9:]/g, '_')}${UNITS[unit] ?? ''}`
  if (kind.includes('histogram')) return ['_bucket', '_count', '_sum'].map((suffix) => base + suffix)
  return [kind.includes('counter') ? `${base}_total` : base]
}

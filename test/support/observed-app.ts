// Runs test/support/collector-app.ts, or the shop, as a process that exports to a collector.
import { Started, type Ended } from './otel-process.ts'

export interface AppOptions {
  /** What `--import` starts telemetry with; none if undefined. */
  readonly bootstrap?: string | undefined
  readonly app?: string
  readonly env?: Readonly<Record<string, string>>
}

export class ObservedApp implements AsyncDisposable {
  readonly url: string
  readonly #process: Started

  private constructor(started: Started, url: string) {
    this.#process = started
    this.url = url
  }

  /** Exports at once, not after 5, 1 and 60 s as by default. */
  static async start(endpoint: string, options: AppOptions = {}): Promise<ObservedApp> {
    const { bootstrap = 'koa-afterglow/otel', app = 'test/support/collector-app.ts', env } = options
    const preload = 'bootstrap' in options && options.bootstrap === undefined ? [] : ['--import', bootstrap]
    const started = new Started([...preload, app], {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_SERVICE_NAME: 'shop',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BLRP_SCHEDULE_DELAY: '20',
      OTEL_METRIC_EXPORT_INTERVAL: '250',
      OTEL_METRIC_EXPORT_TIMEOUT: '250',
      PORT: '0',
      ...env,
    })
    try {
      const [, port] = await started.says('stdout', /(?:listening on |localhost:)(\d+)/)
      return new ObservedApp(started, `http://127.0.0.1:${port}`)
    } catch (error) {
      started.kill()
      throw error
    }
  }

  /** The body, once all of it was read. */
  async get(path: string): Promise<string> {
    const response = await fetch(`${this.url}${path}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return text
  }

  async post(path: string, body: object): Promise<string> {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${this.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return response.text()
  }

  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#process.says('stdout', pattern)
  }

  /** SIGTERM: drains, flushes, ends. */
  stop(): Promise<Ended> {
    return this.#process.ends('SIGTERM')
  }

  /** SIGTERM until it gives up on what runs; resolves once it has drained. */
  async interrupt(): Promise<void> {
    const again = setInterval(() => this.#process.signal('SIGTERM'), 200)
    try {
      await this.says(/"aborting"/)
    } finally {
      clearInterval(again)
    }
    await this.says(/"afterglow\.drained"/)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill()
    await this.#process.ends()
  }
}

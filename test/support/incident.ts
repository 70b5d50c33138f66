// A bad hour in half a minute: what dashboards must be able to show, done to real processes. A shop in traffic; an
// application that swallows, strays and blocks; one that is stopped in the middle of its work, and one that is killed; and a
// collector whose back ends are all away.
import * as names from '../../src/telemetry/names.ts'
import { startCollector, tailSampling, type Collector, type CollectorOptions } from './collector.ts'
import { ObservedApp } from './observed-app.ts'
import type { ExportedLog, ExportedSpan } from './otlp-json.ts'
import type { Variables } from './promql.ts'
import { Prometheus } from './prometheus.ts'

/** Two exporters of a signal: one whose back end is away, and one in whose queue nothing fits. */
function unsendable(signal: string): Readonly<Record<string, object>> {
  const away = { endpoint: 'http://127.0.0.1:9', retry_on_failure: { enabled: false } }
  const batch = { flush_timeout: '50ms', min_size: 0, max_size: 4000 }
  return {
    [`otlp_http/${signal}`]: { ...away, sending_queue: { batch } },
    [`otlp_http/${signal}_full`]: { ...away, sending_queue: { sizer: 'items', queue_size: 1 } },
  }
}

/** Where nothing can be sent, and nothing fits: all that comes is lost, in each of the ways there are. */
const BROKEN = {
  exporters: { ...unsendable('traces'), ...unsendable('metrics'), ...unsendable('logs') },
  service: {
    pipelines: {
      'traces/out': { exporters: ['otlp_http/traces', 'otlp_http/traces_full'] },
      metrics: { exporters: ['otlp_http/metrics', 'otlp_http/metrics_full'] },
      logs: { exporters: ['otlp_http/logs', 'otlp_http/logs_full'] },
    },
  },
}
/** Points for it: a gauge of two. */
const POINTS = {
  resourceMetrics: [
    {
      resource: {},
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'lost',
              gauge: { dataPoints: [1, 2].map((at) => ({ timeUnixNano: `${at}000000000`, asDouble: at })) },
            },
          ],
        },
      ],
    },
  ],
}

export class Incident implements AsyncDisposable {
  readonly prometheus: Prometheus
  /** Worth asking at, in Unix seconds: now, while a task ran, and long after the last sign of the one that was killed. */
  moments: readonly number[] = []
  readonly interrupted = 1
  /** What Tempo and Loki would have got. */
  spans: readonly ExportedSpan[] = []
  lines: readonly ExportedLog[] = []
  readonly tasks = [
    'send-welcome-email',
    'update-search-index',
    'reserve-stock',
    'sync-inventory',
    'strays',
    'swallowed',
  ]
  readonly #started: AsyncDisposable[]

  private constructor(prometheus: Prometheus) {
    this.prometheus = prometheus
    this.#started = [prometheus]
  }

  static async record(): Promise<Incident> {
    const incident = new Incident(await Prometheus.start())
    try {
      await incident.#happen()
    } catch (error) {
      await incident[Symbol.asyncDispose]()
      throw error
    }
    return incident
  }

  async #happen(): Promise<void> {
    const [own, broken] = this.prometheus.targets.map(String)
    const collector = await this.#collector({
      overlays: [tailSampling],
      env: {
        OTELCOL_METRICS_ENDPOINT: this.prometheus.otlp,
        OTELCOL_SELF_METRICS_PORT: own ?? '',
        // So few traces are held that some are forgotten when their decision comes.
        OTELCOL_NUM_TRACES: '2',
        OTELCOL_DECISION_WAIT: '1s',
        OTELCOL_SLOW_TASK: '500ms',
      },
    })
    const lossy = await this.#collector({
      overlays: [BROKEN],
      readBack: false,
      env: { OTELCOL_SELF_METRICS_PORT: broken ?? '' },
    })
    // One after the other: each takes seconds to start on a machine that is busy.
    const running = await this.#shop(collector)
    await this.#careless(collector, lossy)
    await this.#stopped(collector)
    await this.#killed(collector)
    this.spans = await collector.traces()
    this.lines = await collector.logs()
    const now = Date.now() / 1000
    this.moments = [now, running, now + 240]
  }

  async #collector(options: CollectorOptions): Promise<Collector> {
    const collector = await startCollector(options)
    this.#started.push(collector)
    return collector
  }

  /** What may be chosen at the top of a dashboard: each run that ended badly or took long, with the request it came from. */
  get choices(): readonly Variables[] {
    return this.spans
      .filter(({ attributes, status, seconds = 0 }) => attributes[names.TASK_ID] && (status.code === 2 || seconds > 1))
      .map(({ attributes }) => ({
        task: String(attributes[names.TASK_NAME]),
        run: String(attributes[names.TASK_ID]),
        trace: String(attributes[names.REQUEST_TRACE_ID]),
        route: String(attributes[names.REQUEST_ROUTE]),
      }))
  }

  /** When a task ran that could be seen running. */
  async #shop(collector: Collector): Promise<number> {
    await using shop = await ObservedApp.start(collector.endpoint, {
      app: 'examples/shop/main.ts',
      env: { OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.4.2,deployment.environment.name=test' },
    })
    const traffic = async (): Promise<void> => {
      await shop.post('/register', { username: 'ada', email: 'ada@example.com' })
      await shop.post('/register', { username: 'ada', email: 'x@bounce.example' })
      await shop.post('/register', { username: '', email: 'nobody' })
      await shop.post('/order', { orderId: 7 })
      for (const path of ['/failing-task', '/flaky-task', '/complex-task']) await shop.get(path)
    }
    await traffic()
    const running = await this.#until(
      'afterglow_task_oldest_running_age_seconds{afterglow_task_name="sync-inventory"} > 0',
    )
    await traffic()
    await this.#until('sum(afterglow_task_settled_total{afterglow_task_name="reserve-stock"}) >= 2')
    await this.#until('count(afterglow_task_span_calls_total{afterglow_task_name="reserve-stock"}) > 0')
    await shop.stop()
    return running
  }

  async #careless(collector: Collector, lossy: Collector): Promise<void> {
    const metrics = `${collector.endpoint}/v1/metrics`
    await using app = await ObservedApp.start(lossy.endpoint, {
      env: { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: metrics, OTEL_SERVICE_NAME: 'careless' },
    })
    for (const path of ['/ok', '/fails', '/retried', '/rejected', '/swallowed', '/blocks', '/strays'])
      await app.get(path)
    const headers = { 'content-type': 'application/json' }
    await fetch(`${lossy.endpoint}/v1/metrics`, { method: 'POST', headers, body: JSON.stringify(POINTS) })
    await this.#until('otel_sdk_processor_span_processed_total{error_type!=""} > 0')
    await this.#until('otel_sdk_processor_log_processed_total{error_type!=""} > 0')
  }

  /** In the middle of its work; before that, it had some in traces of their own. */
  async #stopped(collector: Collector): Promise<void> {
    await using app = await ObservedApp.start(collector.endpoint, { env: { OTEL_SERVICE_NAME: 'stopped' } })
    await app.get('/fails-linked')
    await app.get('/fails?afterMs=60000')
    await this.#until('afterglow_task_count{job="stopped",afterglow_task_state="running"} > 0')
    await app.interrupt()
    await this.#until('sum(afterglow_task_settled_total{job="stopped",afterglow_task_outcome="interrupted"}) > 0')
    await collector.until(async () =>
      (await collector.traces()).find(({ attributes }) => attributes[names.TASK_OUTCOME] === 'interrupted'),
    )
    await collector.until(async () =>
      (await collector.logs()).find(({ eventName }) => eventName === names.LOG_EVENTS.drained),
    )
  }

  async #killed(collector: Collector): Promise<void> {
    await using app = await ObservedApp.start(collector.endpoint, { env: { OTEL_SERVICE_NAME: 'killed' } })
    await app.get('/fails?afterMs=60000')
    await this.#until('afterglow_task_count{job="killed",afterglow_task_state="running"} > 0')
  }

  /** The time at which `promql` first had an answer. */
  #until(promql: string): Promise<number> {
    return this.prometheus.until(async () => {
      const [found] = await this.prometheus.query(promql)
      return found?.value[0]
    }, 30_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#started.toReversed()) await one[Symbol.asyncDispose]()
  }
}

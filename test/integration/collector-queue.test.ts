// What the shipped collector holds on disk while its back ends are away.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { BUILD_MS, startCollector, suiteWith } from '../support/collector.ts'
import type { Collector } from '../support/collector.ts'
import { Receiver } from '../support/otel-receiver.ts'

jest.setTimeout(BUILD_MS)
const suite = suiteWith(['collector'], import.meta.filename)

/** The receiver of the tests reads JSON, uncompressed; a retry comes soon. */
const readable = {
  encoding: 'json',
  compression: 'none',
  retry_on_failure: { initial_interval: '50ms', max_interval: '200ms' },
}
const overlay = {
  exporters: Object.fromEntries(['traces', 'metrics', 'logs'].map((signal) => [`otlp_http/${signal}`, readable])),
}

suite('the queue of the collector', () => {
  let downstream: Receiver
  let queue: string
  let env: Readonly<Record<string, string>>

  beforeEach(async () => {
    downstream = await new Receiver().listen()
    queue = await mkdtemp(join(tmpdir(), 'afterglow-queue-'))
    const endpoint = downstream.endpoint
    env = {
      OTELCOL_QUEUE_DIR: queue,
      OTELCOL_TRACES_ENDPOINT: endpoint,
      OTELCOL_METRICS_ENDPOINT: endpoint,
      OTELCOL_LOGS_ENDPOINT: endpoint,
    }
  })
  afterEach(async () => {
    await downstream[Symbol.asyncDispose]()
    await rm(queue, { recursive: true, force: true })
  })

  const start = () => startCollector({ overlays: [overlay], env, readBack: false })
  const arrived = () => ({
    spans: new Set(downstream.spans.map(({ name }) => name)).size,
    logs: new Set(downstream.logs.map(({ body }) => body)).size,
    points: new Set(downstream.points.map(({ metric }) => metric)).size,
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)('keeps all that was accepted, through %s and a restart', async (signal) => {
    downstream.answer = 'unavailable'
    await using first = await start()
    for (let n = 0; n < 30; n++) await accepted(first, n)
    // Some of it has been tried by now, and some waits for its batch to fill.
    await downstream.until(() => (downstream.requests > 0 ? true : undefined))
    for (let n = 30; n < 40; n++) await accepted(first, n)
    await first.stop(signal)
    expect(arrived()).toEqual({ spans: 0, logs: 0, points: 0 })

    downstream.answer = 'ok'
    await using second = await start()
    expect(second.output()).not.toMatch(/\terror\t/)
    const all = { spans: 40, logs: 40, points: 40 }
    await downstream.until(() => (JSON.stringify(arrived()) === JSON.stringify(all) ? true : undefined))
  })
})

/** One span, one point and one log record, each acknowledged with 200. */
async function accepted({ endpoint }: Collector, n: number): Promise<void> {
  const time = `${BigInt(Date.now()) * 1_000_000n}`
  const ids = { traceId: n.toString(16).padStart(32, 'a'), spanId: n.toString(16).padStart(16, 'b') }
  const span = { ...ids, name: `span ${n}`, kind: 1, startTimeUnixNano: time, endTimeUnixNano: time }
  const metric = { name: `metric.${n}`, gauge: { dataPoints: [{ asInt: '1', timeUnixNano: time }] } }
  const log = { timeUnixNano: time, body: { stringValue: `line ${n}` } }
  const requests = {
    traces: { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [span] }] }] },
    metrics: { resourceMetrics: [{ resource: {}, scopeMetrics: [{ metrics: [metric] }] }] },
    logs: { resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: [log] }] }] },
  }
  for (const [signal, request] of Object.entries(requests)) {
    const headers = { 'content-type': 'application/json' }
    const { status } = await fetch(`${endpoint}/v1/${signal}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(request),
    })
    expect(status).toBe(200)
  }
}

// An OTLP/HTTP receiver that understands JSON, and lets a test wait for what arrives.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

type Attributes = Record<string, unknown>

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly attributes: Attributes
  readonly resource: Attributes
}
export interface ReceivedLog {
  readonly body: unknown
  readonly eventName: string | undefined
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  readonly attributes: Attributes
}
export interface ReceivedPoint {
  readonly metric: string
  readonly value: number | undefined
  readonly attributes: Attributes
}

export type Answer = 'ok' | 'unavailable' | 'not found' | 'silence' | 'slow'
const SLOW_MS = 1_000

export class Receiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = []
  readonly logs: ReceivedLog[] = []
  readonly points: ReceivedPoint[] = []
  requests = 0
  answer: Answer = 'ok'
  /** How long it takes to answer, as a busy collector far away does. */
  delayMs = 0
  readonly #server: Server
  #woken: (() => void)[] = []

  constructor() {
    this.#server = createServer((request, response) => void this.#receive(request, response))
  }

  async listen(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Asks `find` after each request until it finds something. */
  async until<Found>(find: () => Found | undefined, timeoutMs = 15_000): Promise<Found> {
    const timeout = AbortSignal.timeout(timeoutMs)
    timeout.addEventListener('abort', () => this.#wake())
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (timeout.aborted) throw new Error(`waited ${timeoutMs} ms in vain; ${this.#summary()}`)
      await new Promise<void>((resolve) => this.#woken.push(resolve))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close')
    this.#server.closeAllConnections()
    await closed
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
    this.requests++
    if (this.answer === 'ok' || this.answer === 'slow') this.#keep(JSON.parse(text) as OtlpJson)
    this.#wake()
    const { answer } = this
    if (answer === 'silence') return
    if (this.delayMs > 0) await setTimeout(this.delayMs)
    if (answer === 'slow') await setTimeout(SLOW_MS, undefined, { ref: false })
    response.statusCode = { ok: 200, slow: 200, unavailable: 503, 'not found': 404 }[answer]
    response.setHeader('content-type', 'application/json').end('{}')
  }

  #keep({ resourceSpans = [], resourceLogs = [], resourceMetrics = [] }: OtlpJson): void {
    for (const { resource, scopeSpans } of resourceSpans)
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({
          ...span,
          parentSpanId: span.parentSpanId || undefined,
          attributes: record(span.attributes),
          resource: record(resource.attributes),
        })
    for (const log of resourceLogs.flatMap(({ scopeLogs }) => scopeLogs).flatMap(({ logRecords }) => logRecords))
      this.logs.push({
        body: log.body && valueOf(log.body),
        eventName: log.eventName || undefined,
        traceId: log.traceId || undefined,
        spanId: log.spanId || undefined,
        attributes: record(log.attributes),
      })
    for (const metric of resourceMetrics.flatMap((one) => one.scopeMetrics).flatMap(({ metrics }) => metrics))
      for (const point of (metric.sum ?? metric.gauge ?? metric.histogram)?.dataPoints ?? [])
        this.points.push({
          metric: metric.name,
          value: point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt)),
          attributes: record(point.attributes),
        })
  }

  #wake(): void {
    const woken = this.#woken
    this.#woken = []
    for (const wake of woken) wake()
  }

  #summary(): string {
    const names = new Set([...this.spans.map(({ name }) => name), ...this.points.map(({ metric }) => metric)])
    return `${this.requests} requests brought ${this.logs.length} logs and ${[...names].join(', ')}`
  }
}

// OTLP/JSON, as far as it is read here.
interface AnyValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string | number
  doubleValue?: number
  arrayValue?: { values?: AnyValue[] }
}
interface WithAttributes {
  attributes?: { key: string; value: AnyValue }[]
}
interface SpanJson extends WithAttributes {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
}
interface LogJson extends WithAttributes {
  body?: AnyValue
  eventName?: string
  traceId?: string
  spanId?: string
}
interface PointsJson {
  dataPoints: (WithAttributes & { asInt?: string | number; asDouble?: number })[]
}
interface MetricJson {
  name: string
  sum?: PointsJson
  gauge?: PointsJson
  histogram?: PointsJson
}
interface OtlpJson {
  resourceSpans?: { resource: WithAttributes; scopeSpans: { spans: SpanJson[] }[] }[]
  resourceLogs?: { resource: WithAttributes; scopeLogs: { logRecords: LogJson[] }[] }[]
  resourceMetrics?: { resource: WithAttributes; scopeMetrics: { metrics: MetricJson[] }[] }[]
}

function record(attributes: WithAttributes['attributes'] = []): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf(value: AnyValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(valueOf)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}

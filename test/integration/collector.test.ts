// What the shipped otel-collector.yaml does to telemetry, seen on what leaves the real collector.
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { BUILD_MS, startCollector, suiteWith } from '../support/collector.ts'
import type { Collector } from '../support/collector.ts'

const suite = suiteWith(['collector'], import.meta.filename)

const serverSpan = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const taskRun = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const now = BigInt(Date.now()) * 1_000_000n

suite('the shipped collector', () => {
  let collector: Collector

  beforeAll(async () => {
    collector = await startCollector()
    await send(collector, 'traces', traces())
    await send(collector, 'metrics', metrics())
    await send(collector, 'logs', logs())
  }, BUILD_MS)

  afterAll(async () => {
    await collector?.[Symbol.asyncDispose]()
  })

  it('passes a task span on with its link to the request and the outcome', async () => {
    const span = await collector.until(() => taskSpan(collector))
    expect(span).toMatchObject({
      ...taskRun,
      name: 'run send-welcome-email',
      attributes: { 'afterglow.task.outcome': 'failed', 'error.type': 'SmtpError' },
      resource: { 'service.name': 'shop', 'host.name': 'the-app-said-so' },
    })
    expect(span.links).toEqual([{ ...serverSpan, attributes: { 'afterglow.link.type': 'request' } }])
  })

  it('counts and times task spans with an exemplar that leads to the trace, and no other span', async () => {
    const duration = await collector.until(async () => {
      const points = await collector.metrics()
      return points.find((point) => point.metric === 'afterglow.task.span.duration' && point.exemplars.length > 0)
    })
    expect(duration).toMatchObject({
      unit: 's',
      count: 1,
      exemplars: [{ ...taskRun, value: 0.05 }],
      attributes: {
        'service.name': 'shop',
        'afterglow.task.name': 'send-welcome-email',
        'afterglow.task.outcome': 'failed',
        'error.type': 'SmtpError',
        'status.code': 'STATUS_CODE_ERROR',
      },
    })
    const spanMetrics = (await collector.metrics()).filter((point) => point.metric.startsWith('afterglow.task.span.'))
    expect(new Set(spanMetrics.map((point) => point.attributes['afterglow.task.name']))).toEqual(
      new Set(['send-welcome-email']),
    )
  })

  it('passes metrics on as they are', async () => {
    const settled = await collector.until(async () => {
      const points = await collector.metrics()
      return points.find((point) => point.metric === 'afterglow.task.settled')
    })
    expect(settled).toMatchObject({ value: 1, attributes: { 'afterglow.task.outcome': 'failed' } })
  })

  it('passes logs on with their trace, and gives the event name to back ends that only know attributes', async () => {
    const [log] = await collector.until(async () => nonEmpty(await collector.logs()))
    expect(log).toMatchObject({
      eventName: 'afterglow.task.run.exception',
      severityNumber: 17,
      traceId: taskRun.traceId,
      attributes: { event_name: 'afterglow.task.run.exception' },
    })
  })

  it('masks secrets in attributes, status messages and log bodies, and leaves ids alone', async () => {
    const span = await collector.until(() => taskSpan(collector))
    expect(span.status).toEqual({ code: 2, message: 'connect smtp:****mail:25 with **** and ****' })
    expect(span.attributes).toMatchObject({
      'http.request.header.authorization': '****',
      'url.full': 'https:****example.test/hook?****&page=2',
      'afterglow.task.id': '4111111111111111',
    })
    const [log] = await collector.until(async () => nonEmpty(await collector.logs()))
    expect(log?.body).toBe('failed: ****')
    expect(log?.attributes['exception.message']).toBe('no route to postgres:****db/shop')
  })

  it('goes on receiving while every back end is away', async () => {
    await collector.until(() => collector.output().includes('Exporting failed. Will retry') || undefined)
    await expect(send(collector, 'traces', traces())).resolves.toEqual({ partialSuccess: {} })
  })

  it('stops at SIGTERM with exit code 0, also with back ends away', async () => {
    await using another = await startCollector()
    await send(another, 'traces', traces())
    await another.until(() => taskSpan(another))
    expect(await another.stop()).toBe(0)
  })
})

async function taskSpan(collector: Collector) {
  return (await collector.traces()).find((span) => span.spanId === taskRun.spanId)
}

function nonEmpty<Item>(items: Item[]): Item[] | undefined {
  return items.length > 0 ? items : undefined
}

async function send(collector: Collector, signal: 'traces' | 'metrics' | 'logs', request: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(request)
  const response = await fetch(`${collector.endpoint}/v1/${signal}`, { method: 'POST', headers, body })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${signal} refused with ${response.status}: ${JSON.stringify(answer)}`)
  return answer
}

function traces(): object {
  const times = { startTimeUnixNano: `${now}`, endTimeUnixNano: `${now + 50_000_000n}` }
  const server = { ...serverSpan, ...times, name: 'POST /register', kind: 2 }
  const task = {
    ...taskRun,
    ...times,
    name: 'run send-welcome-email',
    kind: 5,
    status: {
      code: 2,
      message: 'connect smtp://bob:hunter2@mail:25 with Authorization: Bearer abcdefgh12345678 and access_token=s3cret',
    },
    attributes: attributes({
      'afterglow.task.name': 'send-welcome-email',
      'afterglow.task.outcome': 'failed',
      'afterglow.task.id': '4111111111111111',
      'error.type': 'SmtpError',
      'http.request.header.authorization': 'whatever',
      'url.full': 'https://user:pass@example.test/hook?api_key=123&page=2',
    }),
    links: [{ ...serverSpan, attributes: attributes({ 'afterglow.link.type': 'request' }) }],
  }
  return { resourceSpans: [{ resource: resource(), scopeSpans: [{ scope: scope(), spans: [server, task] }] }] }
}

function metrics(): object {
  const point = {
    asInt: '1',
    startTimeUnixNano: `${now}`,
    timeUnixNano: `${now}`,
    attributes: attributes({ 'afterglow.task.name': 'send-welcome-email', 'afterglow.task.outcome': 'failed' }),
  }
  const sum = { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] }
  const settled = { name: 'afterglow.task.settled', unit: '{task}', sum }
  return { resourceMetrics: [{ resource: resource(), scopeMetrics: [{ scope: scope(), metrics: [settled] }] }] }
}

function logs(): object {
  const record = {
    ...taskRun,
    timeUnixNano: `${now}`,
    severityNumber: 17,
    eventName: 'afterglow.task.run.exception',
    body: { stringValue: 'failed: Authorization: Basic dXNlcjpwYXNzd29yZA==' },
    attributes: attributes({ 'exception.message': 'no route to postgres://shop:pw@db/shop' }),
  }
  return { resourceLogs: [{ resource: resource(), scopeLogs: [{ scope: scope(), logRecords: [record] }] }] }
}

function resource(): object {
  return { attributes: attributes({ 'service.name': 'shop', 'host.name': 'the-app-said-so' }) }
}

function scope(): object {
  return { name: 'koa-afterglow' }
}

function attributes(values: Record<string, string>): object[] {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }))
}

// What the bootstrap takes, over each protocol, and how it is extended; otel.test.ts holds the rest of it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { GrpcReceiver } from '../support/otel-grpc-receiver.ts'
import { Started } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'

const opened: AsyncDisposable[] = []
const processes: Started[] = []

afterEach(async () => {
  for (const one of processes.splice(0)) one.kill()
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]()
})

async function receiver(): Promise<Receiver> {
  const one = await new Receiver().listen()
  opened.push(one)
  return one
}

async function grpcReceiver(): Promise<GrpcReceiver> {
  const one = await new GrpcReceiver().listen()
  opened.push(one)
  return one
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Started {
  const started = new Started(args, env)
  processes.push(started)
  return started
}

const burst = (env: Readonly<Record<string, string>>): Started =>
  start(['--import', 'koa-afterglow/otel', 'test/support/otel-burst.ts'], { COUNT: '10000', ...env })

const json = ({ endpoint }: Receiver): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
})

describe('10,000 tasks in one turn', () => {
  it('arrive as 10,000 spans and 10,000 log records, also at a slow collector', async () => {
    const to = await receiver()
    to.delayMs = 150
    expect(await burst(json(to)).ends()).toMatchObject({ code: 0, stderr: '' })
    const spans = new Set(to.spans.filter(({ name }) => name === 'run burst').map(({ spanId }) => spanId))
    const logs = to.logs.filter(({ eventName }) => eventName === 'afterglow.task.completed')
    expect({ spans: spans.size, logs: new Set(logs.map(({ spanId }) => spanId)).size }).toEqual({
      spans: 10_000,
      logs: 10_000,
    })
  })
})

describe('a queue that the user made too short', () => {
  it('has each span that it drops counted', async () => {
    const to = await receiver()
    const env = {
      OTEL_BSP_MAX_QUEUE_SIZE: '500',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_METRIC_EXPORT_TIMEOUT: '150',
    }
    const app = `
      const { trace } = await import('@opentelemetry/api')
      for (let n = 0; n < 2_000; n++) trace.getTracer('test').startSpan('burst').end()
      setInterval(() => {}, 1_000)`
    const process = start(['--import', 'koa-afterglow/otel', '--input-type=module', '--eval', app], {
      ...json(to),
      ...env,
    })
    const dropped = (): number =>
      to.points.findLast(
        ({ metric, attributes }) =>
          metric === 'otel.sdk.processor.span.processed' && attributes['error.type'] === 'queue_full',
      )?.value ?? 0
    await to.until(() => (dropped() > 0 && dropped() + to.spans.length >= 2_000 ? true : undefined))
    expect(dropped() + to.spans.length).toBe(2_000)
    process.kill()
  })
})

describe('over gRPC', () => {
  const grpc = (endpoint: string): Record<string, string> => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  })

  it('traces, logs and metrics arrive', async () => {
    const to = await grpcReceiver()
    expect(await burst({ ...grpc(to.endpoint), COUNT: '10' }).ends()).toMatchObject({ code: 0, stderr: '' })
    expect(to.received.get('TraceService')).toContain('run burst')
    expect(to.received.get('LogsService')).toContain('afterglow.task.completed')
    expect(to.received.get('MetricsService')).toContain('afterglow.task.settled')
  })

  it('a collector that takes calls and never answers holds the end no longer than the cap', async () => {
    const to = await grpcReceiver()
    to.silent = true
    const { code, stderr } = await burst({ ...grpc(to.endpoint), COUNT: '10' }).ends()
    expect(code).toBe(0)
    expect(stderr).toMatch(/^koa-afterglow\/otel: .* \(no answer in \d+ ms\).*\n$/)
  })

  it('no collector is one warning and no delay', async () => {
    const { code, stderr } = await burst(grpc('http://127.0.0.1:9')).ends()
    expect(code).toBe(0)
    expect(stderr).toMatch(/^koa-afterglow\/otel: .*ECONNREFUSED.*\n$/)
  })
})

describe('without a protocol', () => {
  it('protobuf goes to the three paths of the endpoint', async () => {
    const seen = new Set<string>()
    const server = createServer((request, response) => {
      seen.add(`${request.url} ${request.headers['content-type']}`)
      request.resume().on('end', () => response.end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ended = await burst({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, COUNT: '1' }).ends()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect([...seen].toSorted()).toEqual(
      ['/v1/logs', '/v1/metrics', '/v1/traces'].map((path) => `${path} application/x-protobuf`),
    )
  })
})

describe('instrument()', () => {
  it('adds an instrumentation that patches what an ES module imports', async () => {
    const to = await receiver()
    const app = `import { createTransport } from 'nodemailer'
      createTransport({ jsonTransport: true })`
    const args = ['--import', './test/support/otel-own.ts', '--input-type=module', '--eval', app]
    expect(await start(args, json(to)).ends()).toMatchObject({ code: 0, stderr: '' })
    expect(to.spans.map(({ name }) => name)).toEqual(['create transport'])
  })

  it('does nothing when telemetry is off', async () => {
    const args = ['--import', './test/support/otel-own.ts', '--eval', '1']
    expect(await start(args, { OTEL_SDK_DISABLED: 'true' }).ends()).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('the workers of a cluster', () => {
  it('have an instance id each', async () => {
    const to = await receiver()
    const args = ['--import', 'koa-afterglow/otel', 'test/support/otel-cluster.ts']
    expect(await start(args, json(to)).ends()).toMatchObject({ code: 0, stderr: '' })
    expect(new Set(to.spans.map(({ resource }) => resource['service.instance.id'])).size).toBe(3)
  })
})

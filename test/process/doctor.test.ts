// `koa-afterglow doctor` on applications that ail in one way each; doctor-files.test.ts holds what it reads from files.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { appCommand, examine, Folder } from '../support/doctor.ts'
import { GrpcReceiver } from '../support/otel-grpc-receiver.ts'
import { Receiver } from '../support/otel-receiver.ts'

jest.setTimeout(60_000)

let receiver: Receiver
let otlp: Record<string, string>

beforeEach(async () => {
  receiver = await new Receiver().listen()
  otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }
})
afterEach(() => receiver[Symbol.asyncDispose]())

const live = (ailments = '', env: Record<string, string> = {}, flags: readonly string[] = []) =>
  examine(['--', ...appCommand(...flags)], { ...otlp, AILMENTS: ailments, ...env })

describe('a healthy application', () => {
  it('has nothing broken, and its request is followed to the outcome of its task', async () => {
    const { code, rows, of } = await examine(['--request', '/', '--', ...appCommand()], otlp)
    expect(rows.filter(({ status }) => status === 'fail' || status === 'warn')).toEqual([])
    expect(code).toBe(0)
    expect(of('middleware')).toBe('ok tasks.middleware() is the first')
    expect(of('http-spans')).toBe('ok requests have a span, and tasks hang under it')
    expect(of('request')).toBe('ok GET / was answered with 200; 1 task accepted, 1 completed')
    expect(of('stop')).toMatch(/^ok ended with code 0 in \d+ ms after SIGTERM; its deadline is 25 s$/)
  })

  it('may be ES modules in TypeScript', async () => {
    const command = [process.execPath, '--conditions=koa-afterglow-source', '--import', 'koa-afterglow/otel']
    const { code, of } = await examine(['--request', '/hello/bob', '--', ...command, 'test/support/otel-app.ts'], otlp)
    expect(code).toBe(0)
    expect(of('koa-spans')).toMatch(/^ok/)
    expect(of('request')).toMatch(/^ok .* 1 completed$/)
  })
})

describe('a task that does not run', () => {
  it.each([
    ['the middleware is not mounted', 'not-mounted', 'middleware', /^fail .*requests have no ctx\.tasks/],
    ['the middleware is below others', 'below', 'middleware', /^warn 1 middleware above/],
    [
      'the app has no tasks: another server',
      'without-tasks',
      'start',
      /^fail .*none that listens has called createTasks/,
    ],
    [
      'the app crashes',
      'crashes',
      'start',
      /^fail the command ended with code 1 before it listened: TypeError: no database/,
    ],
    ['SIGTERM kills it', 'without-shutdown', 'stop', /^fail SIGTERM ends the process at once/],
    ['another listener decides over rejections', 'listens-for-rejections', 'listeners', /^warn 1 other listener/],
    ['a minifier renamed it', 'minified', 'task-names', /^warn tasks named a:/],
  ])('because %s', async (_why, ailment, id, expected) => {
    const { code, of } = await live(ailment)
    expect(of(id)).toMatch(expected)
    expect(code).toBe(expected.source.startsWith('^fail') ? 1 : 0)
  })

  it('because the mode of rejections is strict', async () => {
    const { of } = await live('', {}, ['--unhandled-rejections=strict', '--require', 'koa-afterglow/otel'])
    expect(of('listeners')).toMatch(/^warn --unhandled-rejections=strict/)
  })

  it('because the request never got there', async () => {
    const command = ['--request', '/', '--', ...appCommand()]
    const { code, of } = await examine(command, { ...otlp, AILMENTS: 'not-mounted' })
    expect({ code, request: of('request') }).toEqual({
      code: 1,
      request: 'fail GET / was answered with 200, and never reached tasks.middleware()',
    })
  })

  it('because the command does not exist', async () => {
    const { code, of } = await examine(['--', '/nowhere/app'], otlp)
    expect({ code, start: of('start') }).toEqual({
      code: 1,
      start: expect.stringContaining('/nowhere/app cannot be started'),
    })
  })
})

describe('a trace that is broken', () => {
  it('because OpenTelemetry was started after Koa', async () => {
    const { code, of } = await live('late', {}, ['--no-warnings'])
    expect(of('koa-spans')).toMatch(/^fail OpenTelemetry was started after Koa/)
    expect(code).toBe(1)
  })

  it('because there is no SDK', async () => {
    const { of } = await live('off', {}, ['--no-warnings'])
    expect(of('live-sdk')).toMatch(/^warn no OpenTelemetry SDK is registered/)
  })

  it('because the SDK has another copy of the API', async () => {
    using folder = twoApis()
    const command = [process.execPath, '--conditions=koa-afterglow-source', '--require', './sdk.cjs', 'app.cjs']
    const { code, of } = await examine(['--', ...command], { ...otlp, AILMENTS: 'off' }, folder.path)
    expect(of('api')).toMatch(
      /^fail koa-afterglow has 1\.10\.0 .*sdk-trace-base has 1\.9\.1 .*nothing of the tasks is recorded/,
    )
    expect(of('live-sdk')).toMatch(/^fail an SDK is registered, but not with the @opentelemetry\/api 1\.10\.0/)
    expect(code).toBe(1)
  })

  it('because no context manager is registered', async () => {
    using folder = new Folder().link('koa', 'koa-afterglow', '@opentelemetry/api', '@opentelemetry/sdk-trace').write({
      'app.cjs': `require(${JSON.stringify(appCommand().at(-1))})`,
      'package.json': '{}',
      'sdk.cjs': `const { trace } = require('@opentelemetry/api')
          trace.setGlobalTracerProvider(new (require('@opentelemetry/sdk-trace').TracerProvider)())`,
    })
    const command = [process.execPath, '--conditions=koa-afterglow-source', '--require', './sdk.cjs', 'app.cjs']
    const { of } = await examine(['--', ...command], { ...otlp, AILMENTS: 'off' }, folder.path)
    expect(of('context')).toMatch(/^fail context does not follow an await/)
    expect(of('live-instance-id')).toMatch(/^warn no service\.instance\.id/)
  })

  it('because the workers of a cluster share an instance id', async () => {
    const { of } = await live('cluster', { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=web-1' })
    expect(of('live-instance-id')).toBe('fail 2 processes share a service.instance.id')
    expect(of('instance-id')).toMatch(/^warn OTEL_RESOURCE_ATTRIBUTES sets service\.instance\.id/)
    expect((await live('cluster')).of('live-instance-id')).toBe('ok 2 processes, an id each')
  })
})

/** koa-afterglow with API 1.10 beside an SDK that brought 1.9 and registers with it. */
const twoApis = (): Folder =>
  new Folder()
    .link('koa', 'koa-afterglow')
    .copy('@opentelemetry/api', 'otel-api-v1.9')
    .copy('@opentelemetry/sdk-trace-base', 'sdk-trace-v2')
    .link('@opentelemetry/semantic-conventions')
    .write({
      'package.json': '{}',
      'app.cjs': `require(${JSON.stringify(appCommand().at(-1))})`,
      'sdk.cjs': `const { trace } = require('@opentelemetry/api')
        trace.setGlobalTracerProvider(new (require('@opentelemetry/sdk-trace-base').BasicTracerProvider)())`,
    })

describe('an exporter', () => {
  it.each([
    [
      'nobody listens',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
      /^fail traces cannot be exported to http:\/\/127\.0\.0\.1:9\/v1\/traces: .*ECONNREFUSED/,
    ],
    ['the endpoint is no URL', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://' }, /^fail traces: Invalid URL/],
    ['there is no such protocol', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http' }, /^fail traces: there is no protocol http/],
    [
      'gRPC finds nobody',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /^fail .*ECONNREFUSED/,
    ],
  ])('fails if %s', async (_why, env, expected) => {
    const { code, of } = await examine([], { ...otlp, ...env })
    expect(of('exporter')).toMatch(expected)
    expect(code).toBe(1)
  })

  it('fails with the answer of the collector', async () => {
    receiver.answer = 'not found'
    const { rows } = await examine([], otlp)
    const [traces] = rows.filter(({ id }) => id === 'exporter')
    expect(traces).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/: 404 Not Found$/),
      fix: expect.stringContaining('is the base'),
    })
  })

  it('is asked over gRPC as well', async () => {
    await using grpc = await new GrpcReceiver().listen()
    const { of } = await examine([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: grpc.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    })
    expect(of('exporter')).toMatch(/^ok traces, metrics and logs are taken by/)
    expect([...grpc.received.keys()].toSorted()).toEqual(['LogsService', 'MetricsService', 'TraceService'])
  })
})

import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { root, Started } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'
import type { ReceivedSpan } from '../support/otel-receiver.ts'

const SERVER = 2
const CONSUMER = 5
/** Discard: refused at once. */
const NOBODY = 'http://127.0.0.1:9'
const WARNING = /^koa-afterglow\/otel: .* cannot be exported to .*$/m

let receiver: Receiver
let folders: string[]
let processes: Started[]

beforeEach(async () => {
  receiver = await new Receiver().listen()
  folders = []
  processes = []
})
afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
  for (const one of processes) one.kill()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type Env = Readonly<Record<string, string>>

function start(args: readonly string[], env: Env = {}): Started {
  const started = new Started(args, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...env,
  })
  processes.push(started)
  return started
}

const withTelemetry = (args: readonly string[], env?: Env): Started =>
  start(['--import', 'koa-afterglow/otel', ...args], env)

const script = (code: string, env?: Env): Started =>
  withTelemetry(['--expose-gc', '--input-type=module', '--eval', code], env)

async function hello(app: Started): Promise<string> {
  const [, port] = await app.says('stdout', /listening on (\d+)/)
  const response = await fetch(`http://127.0.0.1:${port}/hello/bob`)
  return response.text()
}

const folder = (parent: string): string => {
  mkdirSync(parent, { recursive: true })
  const made = mkdtempSync(join(parent, 'otel-test-'))
  folders.push(made)
  return made
}

/** A second copy of the bootstrap, as the other build format is. */
function copyOfBootstrap(parent: string): string {
  const copy = folder(parent)
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
  for (const file of globSync(['src/telemetry/otel*.ts', ...BESIDE_BOOTSTRAP], { cwd: root }))
    cpSync(join(root, file), join(copy, file))
  return join(copy, 'src/telemetry/otel.ts')
}
const BESIDE_BOOTSTRAP = ['src/core/versions.ts', 'src/telemetry/names/bootstrap.ts']

const startSpans = (count: number, rest = ''): string => `
  import { trace } from '@opentelemetry/api'
  const tracer = trace.getTracer('test')
  for (let n = 0; n < ${count}; n++) tracer.startSpan('burst', { attributes: { n, text: 'x'.repeat(2_000) + n } }).end()
  ${rest}`

const apps = [
  ['an ES module', '--import', 'test/support/otel-app.ts'],
  ['CommonJS', '--import', 'test/support/otel-app.cjs'],
  ['CommonJS, with --require', '--require', 'test/support/otel-app.cjs'],
] as const

describe.each(apps)('an application as %s', (_name, flag, app) => {
  const started = (env?: Env): Started => start([flag, 'koa-afterglow/otel', app], env)
  const spanOf = (find: (span: ReceivedSpan) => boolean): ReceivedSpan => {
    const found = receiver.spans.find(find)
    if (!found) throw new Error(`no such span among ${receiver.spans.map(({ name }) => name).join(', ')}`)
    return found
  }

  it('has request, middleware, task and log lines in one trace once it has shut down, and no warning', async () => {
    const process = started()
    expect(await hello(process)).toBe('hello')
    const { code, stderr } = await process.ends('SIGTERM')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })

    const server = spanOf(({ kind }) => kind === SERVER)
    expect(server).toMatchObject({ name: 'GET /hello/:name', attributes: { 'http.route': '/hello/:name' } })
    const middleware = spanOf(({ attributes }) => attributes['koa.type'] === 'middleware')
    expect(middleware).toMatchObject({ parentSpanId: server.spanId, attributes: { 'koa.name': 'afterglow' } })
    const task = spanOf(({ kind }) => kind === CONSUMER)
    expect(task).toMatchObject({ name: 'run greet', traceId: server.traceId, parentSpanId: server.spanId })

    const lines = Object.fromEntries(receiver.logs.map((log) => [String(log.body), log]))
    expect(lines['handling']).toMatchObject({ traceId: server.traceId })
    expect(lines['greeting']).toMatchObject({ traceId: server.traceId, spanId: task.spanId })
    expect(lines['task completed']).toMatchObject({ eventName: 'afterglow.task.completed', spanId: task.spanId })
  })

  it('has the trace ids in its own log lines', async () => {
    const process = started()
    await hello(process)
    const { stdout } = await process.ends('SIGTERM')
    const task = spanOf(({ kind }) => kind === CONSUMER)
    const [line] = stdout.split('\n').filter((text) => text.includes('"greeting"'))
    expect(JSON.parse(line ?? '')).toMatchObject({ trace_id: task.traceId, span_id: task.spanId })
  })

  it('exports the metrics of its tasks and of HTTP, and none of the exports themselves', async () => {
    const process = started({ OTEL_BSP_SCHEDULE_DELAY: '20' })
    await hello(process)
    await receiver.until(() => receiver.spans.find(({ kind }) => kind === CONSUMER))
    await process.ends('SIGTERM')
    const settled = receiver.points.filter(({ metric, value }) => metric === 'afterglow.task.settled' && value === 1)
    expect(settled.map(({ attributes }) => attributes)).toEqual([
      { 'afterglow.task.name': 'greet', 'afterglow.task.outcome': 'completed' },
    ])
    const names = new Set(receiver.points.map(({ metric }) => metric))
    expect(names).toContain('http.server.request.duration')
    expect(names).not.toContain('http.client.request.duration')
  })
})

describe('without a collector', () => {
  it('an application answers, says so in one line, and ends within the cap', async () => {
    const app = withTelemetry(['test/support/otel-app.ts'], { OTEL_EXPORTER_OTLP_ENDPOINT: NOBODY })
    expect(await hello(app)).toBe('hello')
    const { code, stderr } = await app.ends('SIGTERM')
    expect(code).toBe(0)
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(WARNING)])
    expect(stderr).toMatch(
      /(traces|metrics|logs) .*http:\/\/127\.0\.0\.1:9\/v1\/.*ECONNREFUSED.*OTEL_SDK_DISABLED=true/,
    )
  })

  it('50,000 spans are no more in memory than the queue takes, and a finished process ends within the cap', async () => {
    const measure = `
      gc()
      const megabytes = (process.memoryUsage().heapUsed - before) / 1e6
      process.stdout.write(megabytes.toFixed())`
    const process = script(`gc(); const before = process.memoryUsage().heapUsed; ${startSpans(50_000, measure)}`, {
      OTEL_EXPORTER_OTLP_ENDPOINT: NOBODY,
    })
    const { code, stdout, stderr } = await process.ends()
    expect(code).toBe(0)
    // 16,384 spans take 25; all of them would take 70.
    expect(Number(stdout)).toBeLessThan(45)
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(WARNING)])
  })

  it('says nothing more while exports fail, and one line when they work again', async () => {
    receiver.answer = 'not found'
    const app = withTelemetry(['test/support/otel-app.ts'], {
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_BLRP_SCHEDULE_DELAY: '20',
    })
    await hello(app)
    await app.says('stderr', /404 Not Found/)
    const before = receiver.requests
    await hello(app)
    await receiver.until(() => (receiver.requests >= before + 2 ? true : undefined))
    receiver.answer = 'ok'
    await hello(app)
    await app.says('stderr', /exported again/)
    const { code, stderr } = await app.ends('SIGTERM')
    expect(code).toBe(0)
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(WARNING),
      expect.stringMatching(/^koa-afterglow\/otel: (traces|logs) are exported again$/),
    ])
  })
})

describe('with a collector that accepts and never answers', () => {
  it('an application ends within the cap', async () => {
    receiver.answer = 'silence'
    const app = withTelemetry(['test/support/otel-app.cjs'])
    await hello(app)
    const { code, stderr } = await app.ends('SIGTERM')
    expect(code).toBe(0)
    expect(stderr).toMatch(/no answer in \d+ ms/)
  })

  it('a script that has finished ends within the cap', async () => {
    receiver.answer = 'silence'
    const { code } = await script(startSpans(5_000)).ends()
    expect(code).toBe(0)
  })
})

describe('the end of a process', () => {
  it('loses nothing of 16,000 spans that ended in one turn, just before shutdown', async () => {
    const { code, stderr } = await script(`
      import { shutdown } from 'koa-afterglow/otel'
      ${startSpans(16_000, 'await shutdown()')}`).ends()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(receiver.spans).toHaveLength(16_000)
  })

  it('tries again if the collector is busy just then', async () => {
    receiver.answer = 'unavailable'
    const ending = script(startSpans(1)).ends()
    await receiver.until(() => (receiver.requests > 0 ? true : undefined))
    receiver.answer = 'ok'
    expect(await ending).toMatchObject({ code: 0, stderr: '' })
    expect(receiver.spans).toHaveLength(1)
  })

  it('waits for what listeners of beforeExit still do', async () => {
    const late = `
      process.once('beforeExit', () => setTimeout(() => tracer.startSpan('late').end(), 50))`
    await script(startSpans(1, late)).ends()
    expect(receiver.spans.map(({ name }) => name)).toEqual(['burst', 'late'])
  })

  it('shutdown gives every caller the same promise, which does not reject', async () => {
    const same = `
      import { shutdown } from 'koa-afterglow/otel'
      const first = shutdown()
      process.stdout.write(String(first === shutdown() && (await first) === undefined))`
    const { code, stdout } = await script(startSpans(1, same), { OTEL_EXPORTER_OTLP_ENDPOINT: NOBODY }).ends()
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'true' })
  })
})

describe('loading', () => {
  it('a second copy starts no second SDK', async () => {
    const copy = copyOfBootstrap(join(root, '.cache'))
    const second = `
      const one = await import('koa-afterglow/otel')
      const other = await import(${JSON.stringify(copy)})
      process.stdout.write(String(one !== other && one.shutdown() === other.shutdown()))`
    const { stdout, stderr } = await script(startSpans(1, second)).ends()
    expect({ stdout, stderr, spans: receiver.spans.length }).toEqual({ stdout: 'true', stderr: '', spans: 1 })
  })

  it('names the packages to install if they are missing', async () => {
    const { code, stderr } = await start(['--import', copyOfBootstrap(tmpdir()), '--eval', '1']).ends()
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /cannot start: @opentelemetry\/api is not installed, .*; npm install @opentelemetry\/api@'>=1.10.0 <2' @opentelemetry\/sdk-node@\S+ .*import-in-the-middle@\S+;/,
    )
  })

  it('names what is too old, as beside an SDK 2', async () => {
    const bootstrap = copyOfBootstrap(tmpdir())
    const old = join(bootstrap, '../../../node_modules/@opentelemetry/sdk-node')
    mkdirSync(old, { recursive: true })
    writeFileSync(join(old, 'package.json'), '{ "name": "@opentelemetry/sdk-node", "version": "0.223.0" }')
    writeFileSync(join(old, 'index.js'), '')
    const { code, stderr } = await start(['--import', bootstrap, '--eval', '1']).ends()
    expect(code).toBe(1)
    expect(stderr).toMatch(/, @opentelemetry\/sdk-node 0\.223\.0, .*@opentelemetry\/sdk-node@'>=0\.301\.0 <0\.400\.0'/)
  })

  it('needs and starts nothing with OTEL_SDK_DISABLED=true', async () => {
    const disabled = { OTEL_SDK_DISABLED: 'true' }
    const app = withTelemetry(['test/support/otel-app.ts'], disabled)
    expect(await hello(app)).toBe('hello')
    expect(await app.ends('SIGTERM')).toMatchObject({ code: 0, stderr: '' })
    const bare = await start(['--import', copyOfBootstrap(tmpdir()), '--eval', '1'], disabled).ends()
    expect(bare).toMatchObject({ code: 0, stderr: '' })
    expect(receiver.requests).toBe(0)
  })

  it('leaves out a signal whose exporter is none', async () => {
    const app = withTelemetry(['test/support/otel-app.ts'], { OTEL_TRACES_EXPORTER: 'none' })
    await hello(app)
    const { stderr } = await app.ends('SIGTERM')
    expect(stderr).toBe('')
    expect(receiver.spans).toEqual([])
    expect(receiver.logs.length).toBeGreaterThan(0)
    expect(receiver.points.length).toBeGreaterThan(0)
  })

  it('never shows the credentials of an endpoint', async () => {
    const endpoint = NOBODY.replace('//', '//user:s3cret@')
    const { stderr } = await script(startSpans(1), {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces?key=s3cret`,
    }).ends()
    expect(stderr).toMatch(/http:\/\/127\.0\.0\.1:9\/v1\/traces \(/)
    expect(stderr).not.toContain('s3cret')
  })

  it('says once what is wrong with the configuration', async () => {
    const { stderr } = await script(startSpans(1), { OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' }).ends()
    expect(stderr.match(/OTEL_EXPORTER_OTLP_TIMEOUT/g)).toHaveLength(1)
  })
})

describe('the resource', () => {
  it('is the package of the application unless OTEL_SERVICE_NAME names it', async () => {
    await script(startSpans(1)).ends()
    await script(startSpans(1), { OTEL_SERVICE_NAME: 'shop' }).ends()
    expect(receiver.spans.map(({ resource }) => resource['service.name'])).toEqual(['koa-afterglow', 'shop'])
  })

  it('is what OTEL_RESOURCE_ATTRIBUTES says, where it says something', async () => {
    const said = 'service.instance.id=pod-1,host.name=node-7,service.version=9'
    await script(startSpans(1), { OTEL_RESOURCE_ATTRIBUTES: said }).ends()
    expect(receiver.spans[0]?.resource).toMatchObject({
      'service.instance.id': 'pod-1',
      'host.name': 'node-7',
      'service.version': '9',
    })
  })

  it('has an instance id per process, and nothing of the command line', async () => {
    await script(startSpans(1)).ends()
    await script(startSpans(1)).ends()
    const resources = receiver.spans.map(({ resource }) => resource)
    expect(new Set(resources.map((resource) => resource['service.instance.id'])).size).toBe(2)
    expect(JSON.stringify(resources)).not.toContain('--eval')
  })
})

// What `koa-afterglow doctor` reads without running anything, and how it answers.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { appCommand, examine, Folder, runDoctor } from '../support/doctor.ts'
import { root } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'

jest.setTimeout(60_000)

let folder: Folder
let receiver: Receiver
let otlp: Record<string, string>

beforeEach(async () => {
  folder = new Folder().link('koa', 'koa-afterglow', '@opentelemetry/api', '@opentelemetry/sdk-node')
  folder.write({ 'package.json': '{ "scripts": { "start": "node --import koa-afterglow/otel app.js" } }' })
  receiver = await new Receiver().listen()
  otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }
})
afterEach(async () => {
  folder[Symbol.dispose]()
  await receiver[Symbol.asyncDispose]()
})

const look = (files: Record<string, string> = {}, args: readonly string[] = [], env: Record<string, string> = {}) => {
  folder.write(files)
  return examine(args, { ...otlp, ...env }, folder.path)
}
const starts = (command: string): Record<string, string> => ({
  'package.json': JSON.stringify({ scripts: { start: command } }),
})

describe('the answer', () => {
  it('is lines without colours where nobody looks at a terminal', async () => {
    const { code, stdout } = await runDoctor(['doctor'], otlp, folder.path)
    expect(stdout).toMatch(/^ok    koa +koa 3\.\d+\.\d+$/m)
    expect(stdout).toMatch(/^\d+ ok, \d+ to think about, 0 broken, 1 not looked at$/m)
    expect(stdout).not.toContain('\u001b')
    expect(code).toBe(0)
  })

  it('as JSON has a schema, a status, and a fix for whatever is not well', async () => {
    const { stdout } = await runDoctor(
      ['doctor', '--json'],
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
      folder.path,
    )
    const { findings, ...head } = JSON.parse(stdout) as { findings: { id: string; status: string; fix?: string }[] }
    expect(head).toEqual({ schema: 1, version: '0.1.0', status: 'fail', folder: expect.any(String), command: [] })
    const ill = findings.filter(({ status }) => status === 'warn' || status === 'fail')
    expect(ill.length).toBeGreaterThan(0)
    expect(ill.filter(({ fix }) => !fix)).toEqual([])
  })

  it.each([
    [['docter'], "there is no command 'docter'"],
    [['doctor', 'app.js'], 'doctor -- node --import koa-afterglow/otel app.js'],
    [['doctor', '--jsno'], '--jsno'],
    [['doctor', '--'], 'there is no command after --'],
    [['doctor', '--request', '/'], '--request needs a command'],
    [['doctor', '--timeout', 'soon', '--', 'node'], "--timeout takes seconds, not 'soon'"],
  ])('to %j is how to use it, and 2', async (args, words) => {
    const { code, stdout, stderr } = await runDoctor(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(words)
    expect(stderr).toContain('Usage:')
  })

  it('to --help and --version is 0', async () => {
    expect(await runDoctor(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit code') })
    expect(await runDoctor(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' })
  })
})

describe('docs/troubleshooting.md', () => {
  it('names the checks as doctor does, and all of them but what is installed', () => {
    const sources = globSync('src/cli/**/*.ts', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'))
    const ids = sources.flatMap((text) => [...text.matchAll(/finder\('([\w-]+)'\)/g)].map(([, id]) => id))
    const rows = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8').match(/^\|.*\|$/gm) ?? []
    const named = rows.flatMap((row) => [...(row.split('|').at(-2) ?? '').matchAll(/`([\w-]+)`/g)].map(([, id]) => id))
    expect(new Set([...named, 'node', 'koa'])).toEqual(new Set(ids))
  })
})

describe('packages', () => {
  it('that are missing or too old are named with what to install', async () => {
    using empty = new Folder().write({
      'package.json': '{}',
      'node_modules/koa/package.json': '{ "name": "koa", "version": "2.14.2" }',
    })
    const { code, of } = await examine([], otlp, empty.path)
    expect(of('koa')).toBe('fail koa 2.14.2 is not supported')
    expect(of('copies')).toMatch(/^fail koa-afterglow is not installed/)
    expect(of('sdk')).toMatch(/^warn no OpenTelemetry SDK is installed/)
    expect(code).toBe(1)
  })

  it('that koa-afterglow/otel lacks are named', async () => {
    const { rows } = await look()
    expect(rows.find(({ id }) => id === 'sdk')).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/cannot start: .*instrumentation-http is missing/),
      fix: expect.stringMatching(/^npm install @opentelemetry\/instrumentation-http@'>=0\.301\.0 <0\.400\.0'/),
    })
  })

  it('of koa-afterglow in two copies are a warning with both places', async () => {
    const other = { name: 'koa-afterglow', version: '0.0.9' }
    const { of } = await look({
      'node_modules/plugin/package.json': '{ "name": "plugin" }',
      'node_modules/plugin/node_modules/koa-afterglow/package.json': JSON.stringify(other),
    })
    expect(of('copies')).toMatch(/^warn 2 copies of koa-afterglow: .*0\.0\.9 \(.*plugin/)
  })
})

describe('the start command', () => {
  it.each([
    ['node app.js', {}, 'preload', /^warn nothing is loaded before the app by npm run start/],
    ['node --require=./telemetry.cjs app.js', {}, 'preload', /^ok npm run start loads \.\/telemetry\.cjs first/],
    ['node app.js', { NODE_OPTIONS: '--no-warnings --import=data:text/javascript,' }, 'preload', /^ok NODE_OPTIONS/],
    ['node --unhandled-rejections=strict app.js', {}, 'rejections', /^warn npm run start has .*=strict/],
    ['node --unhandled-rejections=warn app.js', {}, 'rejections', /^warn npm run start has .*=warn/],
    ['node dist/app.js', {}, 'source-maps', /^warn npm run start runs compiled files/],
    ['node --enable-source-maps dist/app.js', {}, 'source-maps', /^ok/],
  ])('%j', async (command, env, id, expected) => {
    const { of } = await look({ ...starts(command), 'tsconfig.json': '{}' }, [], env)
    expect(of(id)).toMatch(expected)
  })

  it('may be in a Dockerfile', async () => {
    const { of } = await look({ ...starts(''), Dockerfile: 'FROM node:26\nCMD ["node", "app.js"]\n' })
    expect(of('preload')).toMatch(/^warn .* by Dockerfile: node app\.js/)
  })
})

describe('the environment', () => {
  it.each([
    [
      { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' },
      'sampling',
      /^warn .*0\.1: most failed/,
    ],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 'sampling', /^fail .*no trace is recorded/],
    [{ OTEL_SDK_DISABLED: 'true' }, 'exporter', /^warn OTEL_SDK_DISABLED/],
    [{ OTEL_LOGS_EXPORTER: 'none' }, 'exporter', /^warn OTEL_LOGS_EXPORTER=none/m],
    [{ K_SERVICE: 'shop' }, 'host', /^warn on Cloud Run/],
    [{ AWS_LAMBDA_FUNCTION_NAME: 'shop' }, 'host', /^fail this is a function host/],
  ])('%j', async (env, id, expected) => {
    expect((await look({}, [], env)).of(id)).toMatch(expected)
  })
})

describe('PM2', () => {
  it('kills after 1.6 s unless told otherwise', async () => {
    const { code, of } = await look({
      'ecosystem.config.js': `module.exports = { apps: [{ name: 'web', script: 'app.js' }] }`,
    })
    expect(of('pm2')).toBe('fail PM2 kills web 1.6 s after SIGINT, but its drain may take 25 s')
    expect(code).toBe(1)
  })

  it('with a longer kill_timeout is well, and one instance id for several processes is not', async () => {
    const app = {
      name: 'web',
      script: 'app.js',
      instances: 2,
      kill_timeout: '26s',
      node_args: '--import koa-afterglow/otel',
      env: { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=web' },
    }
    const { of } = await look({ 'pm2.json': JSON.stringify({ apps: [app] }) }, ['--pm2', 'pm2.json'])
    expect(of('pm2')).toBe('ok PM2 gives web 26 s, and it needs 25 s at most')
    expect(of('instance-id')).toBe('fail PM2 starts 2 processes of web with one service.instance.id')
  })

  it('whose file cannot be read says why', async () => {
    const { of } = await look({ 'ecosystem.config.js': 'module.exports = {' })
    expect(of('pm2')).toMatch(/^fail .*ecosystem\.config\.js cannot be read: /)
  })
})

describe('Kubernetes', () => {
  const deployment = (spec: string): string => `
# a comment: terminationGracePeriodSeconds: 5
kind: Service
metadata:
  name: web
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
${spec}
      containers:
        - name: web
`
  const judged = async (spec: string): Promise<string> => {
    const { of } = await look({ 'deploy.yaml': deployment(spec) }, ['--kubernetes', 'deploy.yaml'])
    return of('kubernetes')
  }
  const preStop = `      lifecycle: { preStop: { sleep: { seconds: 10 } } }`

  it.each([
    ['', /^ok Kubernetes gives Deployment shop 30 s; the drain may take 25 s$/],
    [
      '      terminationGracePeriodSeconds: 20 # short',
      /^fail Kubernetes kills Deployment shop after 20 s; the drain may take 25 s$/,
    ],
    [preStop, /^fail Kubernetes kills Deployment shop after 30 s; the drain may take 25 s after 10 s of preStop$/],
    [`${preStop}\n      terminationGracePeriodSeconds: 60`, /^ok Kubernetes gives Deployment shop 60 s/],
    ['      terminationGracePeriodSeconds: {{ .Values.grace }}', /^warn Deployment shop: its periods are templates/],
  ])('%j', async (spec, expected) => {
    expect(await judged(spec)).toMatch(expected)
  })

  it('is compared with the deadline of the running app', async () => {
    folder.write({ 'deploy.yaml': deployment('      terminationGracePeriodSeconds: 30') })
    const args = ['--kubernetes', 'deploy.yaml', '--', ...appCommand('--no-warnings')]
    const { of } = await examine(args, { ...otlp, AILMENTS: 'off', DEADLINE_MS: '40000' }, folder.path)
    expect(of('kubernetes')).toBe('fail Kubernetes kills Deployment shop after 30 s; the drain may take 40 s')
  })
})

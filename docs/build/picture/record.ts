// Records docs/images/incident.json: the example shop under traffic, sent by the shipped collector to Prometheus with the
// shipped rules, and in the middle of it a deploy whose mail server never answers. Takes twelve minutes; needs Go, once.
//   npm run docs:picture:record
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { nextSample } from '../../../examples/shop/traffic.ts'
import { gather } from './gather.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const GOOD_MS = 4.5 * 60_000
const BAD_MS = 6.5 * 60_000
const PAUSE_MS = 200 // five requests a second

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

/** A Node process, once it has said that it can be used. */
async function started(args: readonly string[], env: NodeJS.ProcessEnv, ready: RegExp): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // The stack takes its programs with it, if it is asked to end.
  process.once('exit', () => child.kill('SIGTERM'))
  const lines = createInterface({ input: child.stdout })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => void (ready.test(line) && resolve()))
    child.once('close', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  return child
}

async function stopped(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'close')
}

async function traffic(url: string, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await setTimeout(PAUSE_MS)) {
    const { path, body } = nextSample()
    const json = body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body()),
    }
    void fetch(url + path, json).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    )
  }
}

async function record(folder: string): Promise<void> {
  const names = [
    'OTELCOL_GRPC_PORT',
    'OTELCOL_HTTP_PORT',
    'OTELCOL_HEALTH_PORT',
    'OTELCOL_SELF_METRICS_PORT',
    'PROMETHEUS_PORT',
    'PORT',
  ]
  const ports: Record<string, string> = {}
  for (const name of names) ports[name] = String(await freePort())
  const stack = await started(['stack/up.ts'], { ...ports, AFTERGLOW_STACK_DIR: folder }, /Ctrl-C/)
  const from = Date.now() / 1_000
  const deploys = []
  for (const { version, ms, hangs } of [
    { version: '1.4.0', ms: GOOD_MS, hangs: '0' },
    { version: '1.5.0', ms: BAD_MS, hangs: '1' },
  ]) {
    const env = {
      ...ports,
      MAIL_HANGS: hangs,
      OTEL_SERVICE_NAME: 'shop',
      OTEL_RESOURCE_ATTRIBUTES: `service.version=${version},deployment.environment.name=production`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${ports['OTELCOL_HTTP_PORT']}`,
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
      OTEL_METRIC_EXPORT_TIMEOUT: '4000',
    }
    const args = ['--conditions=koa-afterglow-source', '--import', 'koa-afterglow/otel', 'examples/shop/main.ts']
    const shop = await started(args, env, /listening/)
    deploys.push({ at: Date.now() / 1_000, version })
    await traffic(`http://127.0.0.1:${ports['PORT']}`, ms)
    if (hangs === '1') await keep({ folder, prometheus: `http://127.0.0.1:${ports['PROMETHEUS_PORT']}`, from, deploys })
    await stopped(shop)
  }
  await stopped(stack)
}

async function keep(where: Parameters<typeof gather>[0]): Promise<void> {
  const recorded = await gather(where)
  writeFileSync(join(root, 'docs', 'images', 'incident.json'), `${JSON.stringify(recorded, undefined, 1)}\n`)
}

const folder = mkdtempSync(join(tmpdir(), 'afterglow-picture-'))
await record(folder)
if (!process.env['AFTERGLOW_KEEP']) rmSync(folder, { recursive: true, force: true })

// `npm run stack:up [-- --tail-sampling] [-- --debug]`: the collector with the shipped files and Prometheus behind it, until
// Ctrl-C. OTELCOL_*_PORT and PROMETHEUS_PORT choose other ports, AFTERGLOW_STACK_DIR where logs and data go. Traces and logs
// go to files there, unless OTELCOL_TRACES_ENDPOINT and OTELCOL_LOGS_ENDPOINT name a back end.
// Exit codes: 0 stopped by a signal, 1 failed, 3 there are no binaries, and no Go to build them with.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { missing, type ToolName } from './build.ts'
import { Program } from './program.ts'

const root = join(import.meta.dirname, '..')
const { env } = process
const host = env['OTELCOL_HOST'] || '127.0.0.1'
const folder = resolve(env['AFTERGLOW_STACK_DIR'] || join(root, '.afterglow', 'stack'))
const flags = process.argv.slice(2)

/** The same variables and defaults as in otel-collector.yaml. */
const ports = {
  OTELCOL_HTTP_PORT: portOf('OTELCOL_HTTP_PORT', 4318),
  OTELCOL_GRPC_PORT: portOf('OTELCOL_GRPC_PORT', 4317),
  OTELCOL_HEALTH_PORT: portOf('OTELCOL_HEALTH_PORT', 13_133),
  OTELCOL_SELF_METRICS_PORT: portOf('OTELCOL_SELF_METRICS_PORT', 8888),
  PROMETHEUS_PORT: portOf('PROMETHEUS_PORT', 9090),
}
const prometheusUrl = `http://127.0.0.1:${ports.PROMETHEUS_PORT}`

function portOf(name: string, standard: number): number {
  const port = Number(env[name] || standard)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) fail(`${name}=${env[name]} is no port`)
  return port
}

function fail(line: string, exitCode = 1): never {
  process.stderr.write(`stack: ${line}\n`)
  process.exit(exitCode)
}

function binaryOf(tool: ToolName): string {
  const build = join(import.meta.dirname, 'build.ts')
  const { status, stdout } = spawnSync(process.execPath, [build, tool], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) fail(`${tool} could not be built`)
  return String(stdout).trim()
}

/** Said before anything starts: a program that finds its port taken says so in a hundred lines. */
async function requirePort(name: string, port: number): Promise<void> {
  const server = createServer().listen(port, host)
  try {
    await once(server, 'listening')
  } catch {
    fail(`port ${port} is taken: stop what listens there, or choose another with ${name}=${port + 1}`)
  }
  await once(server.close(), 'close')
}

function startPrometheus(binary: string): Program {
  const config = join(folder, 'prometheus.yaml')
  const shipped = readFileSync(join(import.meta.dirname, 'prometheus.yaml'), 'utf8')
  const rules = join(root, 'dashboards', 'rules')
  const own = shipped.replace(':8888', `:${ports.OTELCOL_SELF_METRICS_PORT}`).replace('- rules/', `- ${rules}/`)
  writeFileSync(config, own)
  const args = ['--web.enable-otlp-receiver', '--enable-feature=exemplar-storage', '--storage.tsdb.retention.time=2d']
  args.push(`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'prometheus')}`)
  args.push(`--web.listen-address=127.0.0.1:${ports.PROMETHEUS_PORT}`)
  return new Program('prometheus', { command: binary, args, env, ready: 'ready to receive web requests', folder })
}

function startCollector(binary: string, toFiles: boolean): Program {
  const overlays = [
    ...(flags.includes('--tail-sampling') ? ['otel-collector.tail-sampling.yaml'] : []),
    ...(toFiles ? ['stack/otel-collector.stack.yaml'] : []),
    ...(flags.includes('--debug') ? ['otel-collector.debug.yaml'] : []),
  ]
  const args = ['otel-collector.yaml', ...overlays].flatMap((file) => ['--config', join(root, file)])
  const own = {
    OTELCOL_QUEUE_DIR: join(folder, 'queue'),
    OTELCOL_METRICS_ENDPOINT: `${prometheusUrl}/api/v1/otlp`,
    AFTERGLOW_STACK_DIR: folder,
  }
  const given = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]))
  const all = { ...own, ...env, ...given }
  const verbose = flags.includes('--debug')
  return new Program('collector', { command: binary, args, env: all, ready: 'Everything is ready', folder, verbose })
}

function sayWhere(toFiles: boolean): void {
  const query = `${prometheusUrl}/api/v1/query?query=afterglow_task_settled_total`
  const lines = [
    ['send to', `http://${host}:${ports.OTELCOL_HTTP_PORT} (OTLP/HTTP), ${host}:${ports.OTELCOL_GRPC_PORT} (gRPC)`],
    ['app', 'npm start, and npm run demo, in other terminals'],
    ['metrics', `curl '${query}'`],
    ['alerts', `curl '${prometheusUrl}/api/v1/alerts'`],
    ['traces', toFiles ? join(folder, 'traces.jsonl') : String(env['OTELCOL_TRACES_ENDPOINT'])],
    ['logs', toFiles ? join(folder, 'logs.jsonl') : (env['OTELCOL_LOGS_ENDPOINT'] ?? 'http://127.0.0.1:3100/otlp')],
    [
      'health',
      `http://${host}:${ports.OTELCOL_HEALTH_PORT}, http://${host}:${ports.OTELCOL_SELF_METRICS_PORT}/metrics`,
    ],
    ['their logs', join(folder, '*.log')],
    ['stop', 'Ctrl-C'],
  ]
  const text = lines.map(([what = '', where]) => `  ${what.padEnd(11)} ${where}`).join('\n')
  process.stdout.write(`\nCollector and Prometheus are up.\n\n${text}\n\n`)
}

for (const flag of flags) if (!['--tail-sampling', '--debug'].includes(flag)) fail(`there is no ${flag}`)
for (const tool of ['prometheus', 'collector'] as const) {
  const reason = missing(tool)
  if (reason !== undefined) fail(`${reason}. Install Go (https://go.dev/dl), or run a stack of your own`, 3)
}
for (const [name, port] of Object.entries(ports)) await requirePort(name, port)
mkdirSync(folder, { recursive: true })
const toFiles = !env['OTELCOL_TRACES_ENDPOINT']
const binaries = { prometheus: binaryOf('prometheus'), collector: binaryOf('collector') }
const programs = [startPrometheus(binaries.prometheus), startCollector(binaries.collector, toFiles)]

// Whatever ends this process, nothing of it stays behind.
process.once('exit', () => programs.forEach((program) => program.kill()))
const stopped = new Promise<0>((done) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (programs.some((program) => program.stopping)) process.exit(1)
      process.stdout.write('\nstopping\n')
      done(0)
    })
})
const died = Promise.race(programs.map((program) => program.died))
const isUp = Promise.all(programs.map((program) => program.ready)).then(() => sayWhere(toFiles))
const line = await Promise.race([stopped, died, isUp.then(() => Promise.race([stopped, died]))])
// The collector first: what it still sends, Prometheus still takes.
for (const program of programs.toReversed()) await program.stop()
if (line !== 0) fail(line)
process.exit(0)

// Whether a request feels that the collector is absent, hangs or is slow: the 99th percentile of response times at a fixed
// rate, against the same service whose collector answers. `--rounds N`, `--rate N`, `--seconds N` change its length.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { interval, type Ratio } from '../measure.ts'
import { p99, type Load } from './load.ts'

const TARGET = 1.05
const NOBODY = 'http://127.0.0.1:9'

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, rate: { type: 'string' }, seconds: { type: 'string' } },
})
const rounds = Number(values.rounds ?? 20)
const load: Load = { rate: Number(values.rate ?? 200), seconds: Number(values.seconds ?? 2) }
const children: ChildProcess[] = []
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

interface Service {
  readonly collector: string
  readonly url: string
  readonly times: number[]
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

/** Starts Node; gives the first `count` lines that it prints. */
async function start(args: readonly string[], count: number, endpoint = NOBODY): Promise<string[]> {
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
  const child = spawn(process.execPath, ['--conditions=koa-afterglow-source', ...args], {
    cwd: import.meta.dirname,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  while (lines.length < count) {
    const [line] = (await once(reader, 'line')) as [string]
    lines.push(line)
  }
  return lines
}

async function startService(collector: string, endpoint: string): Promise<Service> {
  const [line = ''] = await start(['--import', 'koa-afterglow/otel', 'app.ts'], 1, endpoint)
  return { collector, url: `http://127.0.0.1:${/\d+$/.exec(line)?.[0]}`, times: [] }
}

/** The order rotates, so that what the machine does meanwhile hits all. */
async function measure(services: readonly Service[]): Promise<void> {
  for (const { url } of services) await p99(url, load)
  for (let round = 0; round < rounds; round++) {
    const first = round % services.length
    for (const service of [...services.slice(first), ...services.slice(0, first)])
      service.times.push(await p99(service.url, load))
  }
}

const shown = ({ median, low, high }: Ratio) => `${median.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`

async function report(services: readonly [Service, Service, ...Service[]]): Promise<void> {
  const [answers, itself, ...others] = services
  const against = ({ times }: Service) => interval(times.map((time, round) => time / (answers.times[round] ?? NaN)))
  const peer = against(itself)
  print(
    `${'collector'.padEnd(12)} ${'p99 / answers'.padStart(20)} ${'answers / answers'.padStart(20)} ${'MiB'.padStart(6)}  target`,
  )
  for (const service of [answers, ...others]) {
    const ratio = against(service)
    const memory = (await (await fetch(`${service.url}/memory`)).json()) as { rss: number }
    const missed = ratio.low > TARGET && ratio.low > TARGET * peer.high
    const verdict = service === answers ? '' : `<= ${TARGET.toFixed(2)} ${missed ? 'missed' : 'held'}`
    const mib = (memory.rss / 2 ** 20).toFixed(0)
    print(
      `${service.collector.padEnd(12)} ${shown(ratio).padStart(20)} ${shown(peer).padStart(20)} ${mib.padStart(6)}  ${verdict}`,
    )
  }
}

const sinks = new Map((await start(['sinks.ts'], 3)).map((line) => line.split(' on ') as [string, string]))
const sink = (kind: string) => `http://127.0.0.1:${sinks.get(kind)}`
const services = [
  await startService('answers', sink('answers')),
  await startService('answers', sink('answers')),
  await startService('is absent', NOBODY),
  await startService('hangs', sink('hangs')),
  await startService('is slow', sink('slow')),
] as const
print(
  `Node ${process.version}, ${load.rate} requests/s for ${load.seconds} s, ${rounds} rounds; ratios: median [95 % interval]`,
)
await measure(services)
await report(services)
process.exit()

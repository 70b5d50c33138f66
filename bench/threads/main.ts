// How long a server's other requests take while tasks saturate its threads, against the same server with nothing else to do.
// Requests arrive at a fixed rate from a process of their own; each window gives one p99, idle and saturated windows take
// turns. `--pairs N`, `--seconds N` per window, `--rate N` requests per second, `--threads N`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import Koa from 'koa'
import { createTasks, defineTask, threadOf } from 'koa-afterglow'
import { isMissed, median, pairs, shown } from '../measure.ts'
import type { Latencies, Window } from './client.ts'

const number = { type: 'string' } as const
const options = { pairs: number, seconds: number, rate: number, threads: number }
const { values } = parseArgs({ options })
const count = Number(values.pairs ?? 20)
const window: Window = { ms: Number(values.seconds ?? 2) * 1_000, rate: Number(values.rate ?? 200) }
const max = values.threads === undefined ? undefined : Number(values.threads)
const TARGET = 1.2
const print = (line: string) => void process.stdout.write(`${line}\n`)

const threads = max ?? Math.max(1, availableParallelism() - 1)
const tasks = createTasks({ logger: false, threads: { max: threads } })
const work = defineTask({
  name: 'work',
  thread: threadOf<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url)),
})
const app = new Koa().use(tasks.middleware()).use((ctx) => (ctx.body = { hello: 'world' }))
const server = app.listen(0, '127.0.0.1')
// Longer than a pause between windows: a connection that the server closes under a request would be an error of the client's.
server.keepAliveTimeout = 600_000
await once(server, 'listening')
const client = fork(new URL('./client.ts', import.meta.url), [String((server.address() as AddressInfo).port)])

client.once('exit', (code) => {
  if (code !== null) process.exit(1)
})

/** The latencies of one window, as the client saw them. */
async function serve(): Promise<Latencies> {
  client.send(window)
  const [latencies] = (await once(client, 'message')) as [Latencies]
  return latencies
}

let done = 0
/** The same, with as many tasks waiting as there are threads, and as many running. */
async function saturated(): Promise<Latencies> {
  const stop = new AbortController()
  const again = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { outcome } = await tasks.add(work, 20).settled
      if (outcome === 'completed') done++
    }
  }
  const loops = Array.from({ length: 2 * threads }, again)
  // Threads are running before the window begins.
  await tasks.add(work, 20).settled
  const latencies = await serve()
  stop.abort()
  await Promise.all(loops)
  return latencies
}

print(
  `Node ${process.version}, ${availableParallelism()} cores, ${threads} thread(s), ${window.rate} requests/s, ` +
    `${count} pairs of windows of ${window.ms / 1_000} s; ratios: median [95 % interval]`,
)
await saturated()
await serve()
done = 0
const both = { saturated: [] as number[], idle: [] as number[] }
const p99 = await pairs(
  async () => {
    const { p50, p99: high } = await saturated()
    both.saturated.push(p50)
    return high
  },
  async () => {
    const { p50, p99: high } = await serve()
    both.idle.push(p50)
    return high
  },
  count,
)
print(
  `neighbours' p99, threads saturated / idle: ${p99.ours.toFixed(2)} ms / ${p99.peer.toFixed(2)} ms, ` +
    `ratio ${shown(p99.ratio)}, idle/idle ${shown(p99.peerAgainstItself)}  ` +
    `<= ${TARGET.toFixed(2)} ${isMissed(TARGET, p99) ? 'missed' : 'held'}`,
)
print(
  `neighbours' p50: ${median(both.saturated).toFixed(2)} ms / ${median(both.idle).toFixed(2)} ms; ` +
    `meanwhile ${done} tasks of 20 ms, ${((done * 20) / (count * window.ms * threads)).toFixed(2)} of what the threads could do`,
)
client.kill()
server.close()
await tasks.close()

// Sends requests at a fixed rate, whether or not earlier ones were answered, and says how long they took. A process of its
// own: its garbage must not be the server's.
import { Agent, get } from 'node:http'

export interface Window {
  readonly ms: number
  /** Requests per second. */
  readonly rate: number
}
/** Milliseconds. */
export interface Latencies {
  readonly p50: number
  readonly p99: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const port = Number(process.argv[2])

/** From the moment at which it was due: a client that is late itself must not hide what waited. */
function timed(due: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume().on('end', () => resolve(performance.now() - due))
    }).on('error', reject)
  })
}

async function run({ ms, rate }: Window): Promise<Latencies> {
  const pending: Promise<number>[] = []
  const began = performance.now()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now() - began
      while (pending.length < (Math.min(now, ms) * rate) / 1_000)
        pending.push(timed(began + (pending.length * 1_000) / rate))
      if (now < ms) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  const all = (await Promise.all(pending)).toSorted((a, b) => a - b)
  const at = (share: number) => all[Math.min(all.length - 1, Math.ceil(share * all.length) - 1)] ?? NaN
  return { p50: at(0.5), p99: at(0.99) }
}

process.on('message', (window: Window) => void run(window).then((latencies) => process.send?.(latencies)))

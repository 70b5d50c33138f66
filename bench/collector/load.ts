import { Agent, get } from 'node:http'

export interface Load {
  /** Requests per second, begun on time whether those before have ended or not. */
  readonly rate: number
  readonly seconds: number
}

const TICK_MS = 5

/** The 99th percentile of response times in ms, each from when its request was due. */
export async function p99(url: string, { rate, seconds }: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true })
  const times: number[] = []
  const open: Promise<void>[] = []
  const began = performance.now()
  const total = Math.round(rate * seconds)
  while (open.length < total) {
    const now = performance.now() - began
    while (open.length < total && (open.length * 1000) / rate <= now) {
      const due = began + (open.length * 1000) / rate
      open.push(once(url, agent).then(() => void times.push(performance.now() - due)))
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  await Promise.all(open)
  agent.destroy()
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? NaN
}

function once(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${url} answered ${response.statusCode}`))
      response.resume().once('end', resolve)
    })
    request.once('error', reject)
  })
}

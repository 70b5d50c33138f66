// `npm run demo`: a minute of mixed traffic for a shop that runs (`npm start`), and what became of it.
import { setTimeout } from 'node:timers/promises'
import { drawProgress } from './progress.ts'
import { nextSample, type Sample } from './traffic.ts'

const { PORT = '3000', HOST = 'localhost', DEMO_SECONDS = '60', DEMO_RATE = '8' } = process.env
const url = `http://${HOST}:${PORT}`
const seconds = Number(DEMO_SECONDS)
const ratePerSecond = Number(DEMO_RATE)

interface Answer {
  readonly label: string
  readonly status: number
  readonly ms: number
}

interface Stats {
  readonly outcomes: Readonly<Record<string, number>>
  readonly inFlight: Readonly<Record<string, number>>
}

const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function send({ label, path, body }: Sample): Promise<Answer> {
  const startedAt = performance.now()
  const json = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body()),
  }
  const response = await fetch(url + path, json).catch(() => undefined)
  await response?.arrayBuffer()
  return { label, status: response?.status ?? 0, ms: performance.now() - startedAt }
}

const readStats = async (): Promise<Stats> => (await (await fetch(`${url}/stats`)).json()) as Stats

/** At a steady rate, whatever the answers take; `stop` ends it early. */
async function sendTraffic(stop: AbortSignal): Promise<readonly Answer[]> {
  const total = Math.round(seconds * ratePerSecond)
  const answers: Promise<Answer>[] = []
  while (answers.length < total && !stop.aborted) {
    answers.push(send(nextSample()))
    drawProgress(answers.length, total)
    await setTimeout(1000 / ratePerSecond, undefined, { signal: stop }).catch(() => undefined)
  }
  print('')
  return Promise.all(answers)
}

function table(answers: readonly Answer[]): readonly string[] {
  const kinds = Map.groupBy(answers, ({ label, status }) => `${label.padEnd(22)} ${status || 'no answer'}`)
  const sorted = [...kinds].toSorted(([a], [b]) => a.localeCompare(b))
  return sorted.map(([kind, of]) => {
    const median = of.map(({ ms }) => ms).toSorted((a, b) => a - b)[of.length >> 1] ?? 0
    return `  ${kind}  ${String(of.length).padStart(4)} x  median ${median.toFixed(1)} ms`
  })
}

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`)
    .join(', ') || 'none'

async function demo(): Promise<void> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const answers = await sendTraffic(stop.signal)
  const { outcomes, inFlight } = await readStats()
  for (const line of ['', ...table(answers), '', `tasks that ended: ${counted(outcomes)}`]) print(line)
  print(`still under way:  ${counted(inFlight)}\n\nmails: ${url}/mails   counts: ${url}/stats`)
}

try {
  await readStats()
} catch {
  process.stderr.write(`nothing answers at ${url}: run \`npm start\` in another terminal first\n`)
  process.exit(1)
}
await demo()

// One service from its start to its end, and whether its books agree.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { LET_IN, SERVER_MS } from './kinds.ts'
import { Load, type Wrong } from './load.ts'

export interface Moment {
  /** After so many answers, */
  readonly answers: number
  /** and so many milliseconds. */
  readonly ms: number
}

export interface End {
  readonly moment: Moment
  readonly accepted: number
  /** Ids that an answer named. */
  readonly told: number
  /** Outcomes of the log, by name. */
  readonly outcomes: ReadonlyMap<string, number>
  /** By the report. */
  readonly settledInDrain: number
  readonly interrupted: number
  /** Connected by the operating system, and reset by it before the service saw them. */
  readonly turnedAway: number
  /** Requests that took longer than the deadline gives them. */
  readonly cutOff: number
  readonly faults: readonly string[]
}

type Line = Readonly<Record<string, unknown>>
interface Report {
  readonly settled: number
  readonly interrupted: readonly string[]
}
interface Stats {
  readonly submissions: { readonly accepted: number }
  readonly outcomes: Readonly<Record<string, number>>
  readonly inFlight: Readonly<Record<string, number>>
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0)

export async function oneEnd(moment: Moment, dice: () => number): Promise<End> {
  const child = spawn(
    process.execPath,
    ['--conditions=koa-afterglow-source', new URL('./app.ts', import.meta.url).pathname],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  )
  const exit = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  const [, stdout, stderr, books] = child.stdio as unknown as [null, Readable, Readable, Readable]
  const lines: Line[] = []
  const listening = Promise.withResolvers<number>()
  const read = [
    each(stdout, (text) => {
      const line = JSON.parse(text) as Line
      lines.push(line)
      if (line['msg'] === 'listening') listening.resolve(Number(line['port']))
    }),
  ]
  const accepted: string[] = []
  const letIn = new Set<number>()
  read.push(
    each(books, (line) => {
      if (line.startsWith(LET_IN)) letIn.add(Number(line.slice(LET_IN.length)))
      else accepted.push(line)
    }),
  )
  const said: string[] = []
  read.push(each(stderr, (text) => said.push(text)))
  try {
    const port = await Promise.race([listening.promise, exit.then(() => Promise.reject(new Error(said.join('\n'))))])
    const load = new Load(port, dice)
    await load.answered(moment.answers)
    await sleep(moment.ms)
    child.kill('SIGTERM')
    await load.ends()
    const [code, signal] = await exit
    await Promise.all(read)
    const ended = code === 0 && said.length === 0 ? [] : [`it ended with ${code ?? signal}: ${said.join('\n')}`]
    return compared({ moment, lines, accepted, letIn, load, ended })
  } finally {
    child.kill('SIGKILL')
  }
}

async function each(stream: Readable, read: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) read(line)
}

interface Seen {
  readonly moment: Moment
  readonly lines: readonly Line[]
  readonly accepted: readonly string[]
  readonly letIn: ReadonlySet<number>
  readonly load: Load
  readonly ended: readonly string[]
}

function compared({ moment, lines, accepted, letIn, load, ended }: Seen): End {
  const { told } = load
  const inTime = serverMs(lines) < SERVER_MS
  const wrong = told.wrong.filter((one) => !isTurnedAway(one, letIn))
  const settlements = lines.filter(isSettlement)
  const ids = settlements.map(idOf)
  const settled = new Set(ids)
  const inDrain = lines.slice(lines.findIndex(({ stage }) => stage === 'unready')).filter(isSettlement)
  const last = lines.find(({ report }) => report)
  const { report, stats } = (last ?? {}) as { report?: Report; stats?: Stats }
  const known = new Set(accepted)
  const interrupted = settlements.filter((line) => line['afterglow.task.outcome'] === 'interrupted').map(idOf)
  const reported = new Set(report?.interrupted)
  const outcomes = new Map<string, number>()
  for (const line of settlements) {
    const outcome = String(line['afterglow.task.outcome'])
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const faults = [
    ...ended,
    ...(inTime ? wrong.map(({ what }) => `a request ended with ${what}`) : []),
    ...count(
      'accepted tasks have no outcome',
      accepted.filter((id) => !settled.has(id)),
    ),
    ...count(
      'outcomes are of no accepted task',
      ids.filter((id) => !known.has(id)),
    ),
    ...count(
      'tasks have more than one outcome',
      ids.filter((id, at) => ids.indexOf(id) !== at),
    ),
    ...count(
      'ids that clients were told were not accepted',
      [...told.ids].filter((id) => !known.has(id)),
    ),
    ...count(
      'interrupted tasks are not in the report',
      interrupted.filter((id) => !reported.has(id)),
    ),
    ...count(
      'tasks of the report were not interrupted',
      [...reported].filter((id) => !interrupted.includes(id)),
    ),
    ...differ('outcomes since the signal', inDrain.length, (report?.settled ?? 0) + reported.size),
    ...differing(stats, { accepted: known.size, settled: settled.size }),
  ]
  return {
    moment,
    accepted: known.size,
    told: told.ids.size,
    outcomes,
    settledInDrain: report?.settled ?? 0,
    interrupted: reported.size,
    turnedAway: told.wrong.length - wrong.length,
    cutOff: inTime ? 0 : wrong.length,
    faults,
  }
}

const differing = (
  stats: Stats | undefined,
  books: { readonly accepted: number; readonly settled: number },
): string[] => [
  ...differ('accepted, by stats()', stats?.submissions.accepted, books.accepted),
  ...differ('outcomes, by stats()', stats && sum(stats.outcomes), books.settled),
  ...differ('in flight, by stats()', stats && sum(stats.inFlight), 0),
]

function serverMs(lines: readonly Line[]): number {
  const left = (name: string) => Number(lines.find(({ stage }) => stage === name)?.['msLeft'])
  return left('server') - left('tasks')
}

/**
 * The operating system connects clients before a process takes them, and resets whoever has come since the last look at them
 * when that process ends its listening. No process can prevent it; whoever sends requests has to be told before (`readyDelayMs`).
 */
const isTurnedAway = ({ what, port }: Wrong, letIn: ReadonlySet<number>): boolean =>
  what === 'ECONNRESET' && port !== undefined && !letIn.has(port)

const idOf = (line: Line): string => String(line['afterglow.task.id'])

const LATE: ReadonlySet<unknown> = new Set(['afterglow.task.late_completion', 'afterglow.task.stray_error'])
const isSettlement = (line: Line): boolean => {
  const outcome = line['afterglow.task.outcome']
  return outcome !== undefined && outcome !== 'retried' && !LATE.has(line['otel.event.name'])
}

const count = (what: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, 3).join(', ')}`]
const differ = (what: string, is: number | undefined, expected: number): string[] =>
  is === expected ? [] : [`${what}: ${is}, and by the books ${expected}`]

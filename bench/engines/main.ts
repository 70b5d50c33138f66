// Tasks per second through a durable engine, against the library below it on the same store, in batches of the same size and
// with the same concurrency. Ratios of throughput, made in one run. `--engine pglite|postgres|redis` (all of them without it),
// `--pairs N`, `--tasks N`, `--batch N`, `--concurrency N`.
import { parseArgs } from 'node:util'
import { compare, shown, type Ratio } from '../measure.ts'
import { ours, theirs, type Round } from './rounds.ts'
import { SUBJECTS } from './subjects.ts'

const string = { type: 'string' } as const
const { values } = parseArgs({
  options: { engine: string, pairs: string, tasks: string, batch: string, concurrency: string },
})
const pairs = Number(values.pairs ?? 20)
const round: Round = {
  tasks: Number(values.tasks ?? 2_000),
  batch: Number(values.batch ?? 100),
  concurrency: Number(values.concurrency ?? 100),
}
const names = values.engine === undefined ? Object.keys(SUBJECTS) : [values.engine]
const TARGET = 0.9

/** Of times, as one of throughputs: more is better, and the ends change places. */
const inverse = ({ median, low, high }: Ratio): Ratio => ({ median: 1 / median, low: 1 / high, high: 1 / low })
const perSecond = (ns: number): string => `${Math.round(1e9 / ns).toLocaleString('en')}/s`
const print = (...cells: readonly string[]): void =>
  void process.stdout.write(`${cells.map((cell, at) => (at === 0 ? cell.padEnd(10) : cell.padStart(19))).join('  ')}\n`)

const { tasks, batch, concurrency } = round
process.stdout.write(
  `Node ${process.version}, ${tasks} tasks a round in batches of ${batch}, ${concurrency} at once, ${pairs} interleaved pairs; median [95 % interval]\n`,
)
print('', 'ours', 'raw library', 'ours / raw', 'raw / raw', `target ${TARGET}`)
for (const name of names) {
  const subject = await SUBJECTS[name]?.()
  if (!subject) throw new Error(`--engine takes one of ${Object.keys(SUBJECTS).join(', ')}, not '${name}'`)
  const contenders = [await ours(subject.engine, round), await theirs(subject.raw, round)] as const
  const { ratio, peerAgainstItself, ns } = await compare(...contenders, { pairs, perRound: tasks })
  const held = inverse(ratio)
  const itself = inverse(peerAgainstItself)
  const missed = held.high < TARGET && held.high < TARGET * itself.low
  print(name, perSecond(ns.ours), perSecond(ns.peer), shown(held), shown(itself), missed ? 'missed' : 'held')
  await subject.engine.stop({ deadlineMs: 5_000 })
  await subject.raw.close()
  await subject.close()
}
process.exit()

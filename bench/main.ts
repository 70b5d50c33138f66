// What one task costs, against what a careful engineer writes by hand and against plain queues. Each line is one comparison
// made in one run; ratios, since absolute times say more about the machine. `--pairs N` and `--tasks N` change its length.
import { parseArgs } from 'node:util'
import { afterglow, afterglowPaced, fastQ, handWritten, pQueue } from './contenders.ts'
import { compare, report } from './measure.ts'
import { byHand, nullLogger, startSdk } from './telemetry.ts'

const { values } = parseArgs({ options: { pairs: { type: 'string' }, tasks: { type: 'string' } } })
const pairs = Number(values.pairs ?? 20)
const perRound = Number(values.tasks ?? 20_000)
const print = (line: string) => void process.stdout.write(`${line}\n`)

print(`Node ${process.version}, ${perRound} tasks a round, ${pairs} interleaved pairs; ratios: median [95 % interval]`)
print(
  `${''.padEnd(58)}  ${'ours'.padStart(9)}  ${'peer'.padStart(9)}  ${'ratio'.padStart(19)}  ${'peer/peer'.padStart(19)}  target`,
)

// Before an SDK: once one is registered there is no way back to a process without.
const silent = afterglow(perRound)
print(
  report('unobserved task / unobserved p-queue add', await compare(silent, pQueue(perRound), { pairs, perRound }), 0.6),
)
print(
  report(
    'unobserved task / fastq.promise (does none of it)',
    await compare(silent, fastQ(perRound), { pairs, perRound }),
    Infinity,
  ),
)

startSdk()
const ours = nullLogger()
const theirs = nullLogger()
const observed = afterglowPaced(ours.logger, perRound, ours.flush)
const floor = handWritten(byHand(theirs.logger), perRound, theirs.flush)
print(report('observed task / the same telemetry by hand', await compare(observed, floor, { pairs, perRound }), 1.1))
process.exit()

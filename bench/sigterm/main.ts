// Tells a service under load to end, at random moments: every task that was accepted has one outcome in its log, and is in
// a settled count or named in the report of the drain; no request is answered with an error or cut off. `--times N`,
// `--seed N` for the same moments again. Exit code 1 if anything is off.
import { parseArgs } from 'node:util'
import { oneEnd, type End, type Moment } from './one-end.ts'

const number = { type: 'string' } as const
const { values } = parseArgs({ options: { times: number, seed: number } })
const times = Number(values.times ?? 100)
if (!(Number.isInteger(times) && times > 0)) throw new Error('--times takes a whole number')
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const print = (line = '') => void process.stdout.write(`${line}\n`)

/** The same numbers for the same seed. */
function diceOf(from: number): () => number {
  let state = from | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const dice = diceOf(seed)
const moments: readonly Moment[] = Array.from({ length: times }, () => ({
  answers: 1 + Math.floor(dice() ** 2 * 1_000),
  ms: dice() * 20,
}))

print(`Node ${process.version}, ${times} ends under load, --seed ${seed}`)
const ends: End[] = []
for (const [n, moment] of moments.entries()) {
  const end = await oneEnd(moment, diceOf(seed + n))
  ends.push(end)
  const { accepted, interrupted, settledInDrain, faults } = end
  const at = `after ${String(moment.answers).padStart(4)} answers and ${moment.ms.toFixed(1).padStart(4)} ms`
  const books = `${String(accepted).padStart(5)} accepted, ${String(settledInDrain).padStart(4)} ended after the signal, ${interrupted} interrupted`
  print(`${String(n + 1).padStart(4)} ${at}: ${books}${faults.length > 0 ? ', OFF' : ''}`)
  for (const fault of faults) print(`     OFF: ${fault}`)
}

const total = (of: (end: End) => number) => ends.reduce((sum, end) => sum + of(end), 0).toLocaleString('en')
print()
print(`accepted                 ${total(({ accepted }) => accepted)}`)
print(`of which clients heard   ${total(({ told }) => told)}`)
for (const outcome of new Set(ends.flatMap(({ outcomes }) => [...outcomes.keys()])))
  print(`${outcome.padEnd(24)} ${total(({ outcomes }) => outcomes.get(outcome) ?? 0)}`)
print(`ended after the signal   ${total(({ settledInDrain }) => settledInDrain)}`)
print(`named in the reports     ${total(({ interrupted }) => interrupted)}`)
print(`never let in             ${total(({ turnedAway }) => turnedAway)}`)
print(`cut off at the deadline  ${total(({ cutOff }) => cutOff)}`)
const off = ends.filter(({ faults }) => faults.length > 0).length
print(
  off === 0 ? 'none missing, none twice, no request cut off before its deadline' : `${off} of ${times} ends are off`,
)
process.exitCode = off === 0 ? 0 : 1

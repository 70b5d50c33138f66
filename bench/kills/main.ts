// Kills processes that add and work, and looks at what became of every task that was acknowledged. Exit code 1 if one was
// lost, or ran twice without having been in flight. `--engine pglite|postgres|redis`, `--kills N`, `--claim-ms MS`.
import { parseArgs } from 'node:util'
import { killAtRandom } from './harness.ts'

const { values } = parseArgs({
  options: { engine: { type: 'string' }, kills: { type: 'string' }, 'claim-ms': { type: 'string' } },
})
const { engine = 'pglite' } = values
const kills = Number(values.kills ?? 100)
if (!(Number.isInteger(kills) && kills > 0)) throw new Error('--kills takes a whole number from 1')
const print = (line: string): void => void process.stdout.write(`${line}\n`)

const began = performance.now()
const claimTimeoutMs = values['claim-ms'] === undefined ? {} : { claimTimeoutMs: Number(values['claim-ms']) }
const verdict = await killAtRandom({ engine, kills, ...claimTimeoutMs, tell: print })
const { lost, unexplained, events } = verdict
const rows: readonly (readonly [string, number | string])[] = [
  ['kills', kills],
  ['acknowledged', verdict.acknowledged],
  ['acknowledged and lost', lost.length],
  ['ran', verdict.ran],
  ['ran, though its add was not acknowledged', verdict.ran - (verdict.acknowledged - lost.length)],
  ['ran twice, in flight when its process was killed', verdict.twice - unexplained.length],
  ['ran twice for no such reason', unexplained.length],
  ['a killed one began again within', `${(verdict.longestMs / 1_000).toFixed(1)} s`],
  ['claimed by another that was killed before it began', verdict.again.count],
  ['and then began within', `${(verdict.again.longestMs / 1_000).toFixed(1)} s`],
  ...Object.entries(events).map(([type, count]) => [`told: ${type}`, count] as const),
  ['took', `${((performance.now() - began) / 1_000).toFixed(0)} s`],
]
print(`${engine}, Node ${process.version}`)
for (const [what, value] of rows) print(`${what.padEnd(52)}${String(value).padStart(10)}`)
for (const id of [...lost, ...unexplained].slice(0, 10)) print(`look at ${id}`)
process.exit(lost.length + unexplained.length > 0 ? 1 : 0)

// A million mixed tasks, each way a task can go among them, on a real server, with telemetry as in production. It ends with
// what was expected beside what was counted, the ledger, and the heap; `--tasks N` changes its length. Exit code 1 if
// anything is off.
import { parseArgs } from 'node:util'
import { nullLogger, startSdk } from '../telemetry.ts'
import { HeapWatch } from './heap.ts'
import { Soak } from './soak.ts'
import { compared, imbalance } from './tally.ts'

const { values } = parseArgs({ options: { tasks: { type: 'string' } } })
const wanted = Number(values.tasks ?? 1_000_000)
if (!(Number.isInteger(wanted) && wanted >= 40_000)) throw new Error('--tasks takes a whole number from 40000')
/** A tenth warms up; in a short run more, since compiled code and caches must not count as growth. */
const warmUp = Math.max(wanted / 10, 20_000)
const points = [warmUp, ...[0.25, 0.5, 0.75, 1].map((share) => wanted * share).filter((point) => point > warmUp)]

const print = (line = '') => void process.stdout.write(`${line}\n`)
const { isTTY } = process.stdout
const thousands = (n: number) => Math.round(n).toLocaleString('en')

const sdk = startSdk()
const { logger, flush } = nullLogger()
const soak = await Soak.start(logger)
const heap = new HeapWatch(async () => {
  await soak.idle()
  await sdk.flush()
  await flush()
  await sdk.collect('')
})

print(`Node ${process.version}, ${thousands(wanted)} tasks`)
const began = performance.now()
let measuring = 0
for (const point of points) {
  await soak.until(point, (submitted) => {
    if (isTTY) process.stdout.write(`\r${thousands(submitted)} `)
  })
  const paused = performance.now()
  const bytes = await heap.measure()
  measuring += performance.now() - paused
  print(
    `${isTTY ? '\r' : ''}${thousands(soak.tally.submitted).padStart(11)} tasks, heap ${thousands(bytes / 1024)} KiB`,
  )
}
const seconds = (performance.now() - began - measuring) / 1000

const counted = await soak.close(sdk)
const { lines, off } = compared(soak.tally, counted)
const missing = imbalance(counted, soak.inFlight())
const faults = [
  ...off.map((row) => `${row} is not what was expected`),
  ...(missing === 0 ? [] : [`${missing} tasks are missing from the ledger`]),
  ...(soak.inFlight() === 0 ? [] : [`${soak.inFlight()} tasks are still in flight`]),
  ...heap.faults(),
  ...soak.faults,
]
print()
for (const line of lines) print(line)
print()
print(`accepted - sum of outcomes - in flight = ${missing}, in flight ${soak.inFlight()}`)
print(`heap after the warm-up grew by ${(heap.growth * 100).toFixed(2)} % (at most 5 %)`)
print(`${thousands(soak.tally.submitted / seconds)} tasks/s over ${seconds.toFixed(0)} s`)
for (const fault of faults) print(`OFF: ${fault}`)
print(faults.length === 0 ? 'all as expected' : `${faults.length} things are off`)
process.exitCode = faults.length === 0 ? 0 : 1

// A worker in a process of its own: `node bullmq-worker-child.ts OPTIONS CONCURRENCY`. Says `started`, `run ID LOST` for each run
// and `event TYPE`. A task whose input has `blockMs` keeps the event loop from turning for so long. Stops when its input ends.
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import type { EngineHost } from 'koa-afterglow'

const [options = '', concurrency = '10'] = process.argv.slice(2)
const engine = bullmq(JSON.parse(options) as BullmqOptions)
let running = 0
const say = (text: string) => process.stdout.write(`${text}\n`)

const host: EngineHost = {
  consume: true,
  room: () => Number(concurrency) - running,
  closed: new Set(),
  report: ({ type }) => say(`event ${type}`),
  run(envelope, ended, lostClaims) {
    running++
    say(`run ${envelope.record.id} ${lostClaims}`)
    const { blockMs } = envelope.input as { readonly blockMs?: number }
    // In a turn of its own, so that the claim is known to be held.
    setTimeout(() => {
      if (blockMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs)
      // After what the loop has to catch up with.
      setTimeout(() => {
        running--
        ended(envelope, { outcome: 'completed', value: undefined, attempts: 1 })
      }, blockMs && 500)
    }, 1)
  },
}
await engine.start(host)
say('started')
process.stdin.resume().on('end', () => void engine.stop({ deadlineMs: 1_000 }))

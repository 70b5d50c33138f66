import assert from 'node:assert/strict'
import type { Ending } from '../../core/engine.ts'
import { completed, DELAY_MS, envelope, FAR_MS, idsOf, newId, ROUNDING_MS, same } from './bench.ts'
import type { Bench, Check, Worker } from './bench.ts'

const error = new Error('no')
const failed: Ending = { outcome: 'failed', error, attempts: 2 }

export const accepts: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const [a, b] = [envelope(), envelope()]
  assert.deepEqual(await worker.engine.enqueue([a, b]), [])
  assert.deepEqual(await worker.counts(), [2, 0, 0])
  worker.admit(10)
  await worker.ran(2)
  same(worker.ids, idsOf(a, b))
}

export const knowsDuplicates: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const [a, b] = [envelope(), envelope()]
  await worker.engine.enqueue([a])
  const receipts = await worker.engine.enqueue([b, a])
  assert.deepEqual(
    receipts.map(({ id, result }) => [id, result]),
    [[a.record.id, 'duplicate']],
  )
  assert.deepEqual(await worker.counts(), [2, 0, 0])
}

export const runs: Check = async (bench) => {
  const worker = await bench.open()
  const sent = envelope({ input: { text: 'ä😀', list: [1, null, { deep: true }] }, priority: 'high' })
  await worker.engine.enqueue([sent])
  await worker.ran(1)
  assert.deepEqual(worker.runs[0]?.envelope, sent)
  await bench.nothingIsLeft(worker)
  assert.equal(worker.runs.length, 1)
}

/** `first` is answered to attempt 1, `last` to what comes after it. */
async function runsTwice(bench: Bench, first: Ending, last: Ending): Promise<Worker> {
  let endedAt = Infinity
  const handler = (): Ending => {
    if (endedAt < Infinity) return last
    endedAt = performance.now()
    return first
  }
  const worker = await bench.open({ handler })
  await worker.engine.enqueue([envelope()])
  await worker.ran(2)
  const waited = (worker.runs[1]?.at ?? 0) - endedAt
  assert.ok(waited >= DELAY_MS - ROUNDING_MS, `${waited} ms and not ${DELAY_MS}`)
  await bench.nothingIsLeft(worker)
  assert.equal(worker.runs.length, 2)
  return worker
}

export const retries: Check = async (bench) => {
  const retried: Ending = { outcome: 'retried', error, afterMs: DELAY_MS, attempts: 1 }
  const worker = await runsTwice(bench, retried, failed)
  const [one, two] = worker.runs.map((run) => run.envelope)
  assert.deepEqual([one?.attempt, two?.attempt], [1, 2])
  assert.deepEqual(two?.record.carrier, { traceparent: 'of attempt 2' })
}

export const takesBackReturned: Check = async (bench) => {
  const returned: Ending = { outcome: 'returned', reason: 'unknown here', afterMs: DELAY_MS }
  const worker = await runsTwice(bench, returned, completed)
  assert.deepEqual(worker.runs[1]?.envelope, worker.runs[0]?.envelope)
}

export const delays: Check = async (bench) => {
  const worker = await bench.open()
  const startAt = Date.now() + DELAY_MS
  await worker.engine.enqueue([envelope({ startAt }), envelope({ startAt: startAt + FAR_MS })])
  assert.equal((await worker.counts())[1], 2)
  await worker.ran(1)
  const early = startAt - (performance.timeOrigin + (worker.runs[0]?.at ?? 0))
  assert.ok(early <= ROUNDING_MS, `${early} ms too early`)
  await worker.until('the other waits', async () => String(await worker.counts()) === '0,1,0')
}

export const keepsClosed: Check = async (bench) => {
  const worker = await bench.open()
  const [paused, other] = [envelope({}, { label: 'paused' }), envelope()]
  worker.closed.add('paused')
  await worker.engine.enqueue([paused, other])
  await worker.until('the other ended', async () => String(await worker.counts()) === '1,0,0')
  same(worker.ids, idsOf(other))
  worker.closed.delete('paused')
  worker.engine.wake()
  await worker.ran(2)
  same(worker.ids, idsOf(paused, other))
}

/** What stands right behind a task in a batch must not start when `shut`, called as that task starts, forbids it. */
async function oneAtATime(bench: Bench, shut: (worker: Worker) => void, open: (worker: Worker) => void): Promise<void> {
  let now = 0
  let most = 0
  const worker = await bench.open({
    concurrency: 3,
    handler: async (): Promise<Ending> => {
      most = Math.max(most, ++now)
      shut(worker)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      open(worker)
      worker.engine.wake()
      return completed
    },
  })
  await worker.engine.enqueue([envelope(), envelope(), envelope()])
  await worker.ran(3)
  assert.equal(most, 1)
}

/** As a task does that is at its own limit. */
export const seesClosing: Check = (bench) =>
  oneAtATime(
    bench,
    ({ closed }) => closed.add('task'),
    ({ closed }) => closed.delete('task'),
  )

/** As another engine does that fills it. */
export const seesRoomShrink: Check = (bench) =>
  oneAtATime(
    bench,
    (worker) => (worker.concurrency = 1),
    (worker) => (worker.concurrency = 3),
  )

export const keepsToRoom: Check = async (bench) => {
  const worker = await bench.open({ hold: true, concurrency: 2 })
  const five = Array.from({ length: 5 }, () => envelope())
  await worker.engine.enqueue(five)
  await worker.ran(2)
  assert.deepEqual(await worker.counts(), [3, 0, 2])
  worker.admit(3)
  await worker.ran(3)
  for (const count of [4, 5]) {
    worker.end(worker.runs[count - 4]?.envelope ?? envelope())
    await worker.ran(count)
  }
  assert.equal(worker.most, 3)
  same(worker.ids, idsOf(...five))
}

export const cancels: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const [taken, late, kept] = [envelope(), envelope({ startAt: Date.now() + FAR_MS }), envelope()]
  const batch = worker.engine.capabilities.delay ? [taken, late, kept] : [taken, kept]
  await worker.engine.enqueue(batch)
  for (const one of batch) if (one !== kept) assert.equal(await worker.engine.cancel(one.record.id, 'test'), 'waiting')
  assert.equal(await worker.engine.cancel(taken.record.id, 'again'), 'unknown')
  assert.equal(await worker.engine.cancel(newId(), 'test'), 'unknown')
  assert.deepEqual(await worker.counts(), [1, 0, 0])
  worker.admit(10)
  await worker.ran(1)
  await bench.nothingIsLeft(worker)
  same(worker.ids, idsOf(kept))
}

export const ordersByPriority: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const [low, normal, high] = [envelope({ priority: 'low' }), envelope(), envelope({ priority: 'high' })]
  await worker.engine.enqueue([low, normal, high])
  worker.admit(1)
  await worker.ran(3)
  assert.deepEqual(worker.ids, idsOf(high, normal, low))
}

export const starvesNobody: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const low = envelope({ priority: 'low' })
  await worker.engine.enqueue([low, ...Array.from({ length: 12 }, () => envelope({ priority: 'high' }))])
  worker.admit(1)
  await worker.ran(13)
  const place = worker.ids.indexOf(low.record.id)
  assert.ok(place > 0 && place < 12, `the low one ran as number ${place + 1} of 13`)
}

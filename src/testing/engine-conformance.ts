import assert from 'node:assert/strict'
import type { Engine, Ending, Envelope } from '../core/engine.ts'
import { Bench, completed, envelope, idsOf, LIMIT_MS, newId, same, Worker } from './engine-conformance/bench.ts'
import type { CrashPlan, EngineSubject } from './engine-conformance/bench.ts'

export type { CrashPlan, EngineSubject }
export interface EngineCase {
  readonly name: string
  /** Rejects when the engine breaks the law. */
  run(): Promise<void>
}

/**
 * The law of the seam between core and engines, as cases for any runner of tests:
 * `for (const { name, run } of engineConformance({ make })) test(name, run)`. What an engine does not claim is left out.
 */
export function engineConformance(subject: EngineSubject): readonly EngineCase[] {
  const { durable, delay } = subject.make(newId()).capabilities
  const claims = { any: true, durable, delay, crash: durable && subject.crash !== undefined }
  return CASES.filter(([claim]) => claims[claim]).map(([, name, check]) => ({
    name,
    run: async () => {
      const bench = new Bench(subject)
      await check(bench).finally(() => bench.close())
    },
  }))
}

/** For the process that is killed. Resolves once `running` runs, never to end, and `waiting` is accepted. */
export async function occupy(engine: Engine, { running, waiting }: CrashPlan): Promise<void> {
  const worker = new Worker(engine, { hold: true, concurrency: 1 })
  await engine.start(worker)
  await engine.enqueue([envelope({}, { id: running })])
  await worker.ran(1)
  await engine.enqueue(waiting.map((id) => envelope({}, { id })))
}

const DELAY_MS = 300
const FAR_MS = 3_600_000
/** Timers and stores count whole milliseconds. */
const ROUNDING_MS = 2

const error = new Error('no')
const failed: Ending = { outcome: 'failed', error, attempts: 2 }

type Check = (bench: Bench) => Promise<void>

const accepts: Check = async (bench) => {
  const worker = await bench.open({ concurrency: 0 })
  const [a, b] = [envelope(), envelope()]
  assert.deepEqual(await worker.engine.enqueue([a, b]), [])
  assert.deepEqual(await worker.counts(), [2, 0, 0])
  worker.admit(10)
  await worker.ran(2)
  same(worker.ids, idsOf(a, b))
}

const knowsDuplicates: Check = async (bench) => {
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

const runs: Check = async (bench) => {
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

const retries: Check = async (bench) => {
  const retried: Ending = { outcome: 'retried', error, afterMs: DELAY_MS, attempts: 1 }
  const worker = await runsTwice(bench, retried, failed)
  const [one, two] = worker.runs.map((run) => run.envelope)
  assert.deepEqual([one?.attempt, two?.attempt], [1, 2])
  assert.deepEqual(two?.record.carrier, { traceparent: 'of attempt 2' })
}

const takesBackReturned: Check = async (bench) => {
  const returned: Ending = { outcome: 'returned', reason: 'unknown here', afterMs: DELAY_MS }
  const worker = await runsTwice(bench, returned, completed)
  assert.deepEqual(worker.runs[1]?.envelope, worker.runs[0]?.envelope)
}

const delays: Check = async (bench) => {
  const worker = await bench.open()
  const startAt = Date.now() + DELAY_MS
  await worker.engine.enqueue([envelope({ startAt }), envelope({ startAt: startAt + FAR_MS })])
  assert.equal((await worker.counts())[1], 2)
  await worker.ran(1)
  const early = startAt - (performance.timeOrigin + (worker.runs[0]?.at ?? 0))
  assert.ok(early <= ROUNDING_MS, `${early} ms too early`)
  await worker.until('the other waits', async () => String(await worker.counts()) === '0,1,0')
}

const keepsClosed: Check = async (bench) => {
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

/** As a task at its own limit does: what stands right behind it in a batch must not start either. */
const seesClosing: Check = async (bench) => {
  let now = 0
  let most = 0
  const worker = await bench.open({
    handler: async (): Promise<Ending> => {
      worker.closed.add('task')
      most = Math.max(most, ++now)
      await new Promise((resolve) => setImmediate(resolve))
      now--
      worker.closed.delete('task')
      worker.engine.wake()
      return completed
    },
  })
  await worker.engine.enqueue([envelope(), envelope(), envelope()])
  await worker.ran(3)
  assert.equal(most, 1)
}

const keepsToRoom: Check = async (bench) => {
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

const cancels: Check = async (bench) => {
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

const stopsStarting: Check = async (bench) => {
  const worker = await bench.open({ hold: true, concurrency: 1 })
  const { durable, delay } = worker.engine.capabilities
  const [running, next] = [envelope(), envelope()]
  const waiting = delay ? [next, envelope({ startAt: Date.now() + FAR_MS })] : [next]
  await worker.engine.enqueue([running, ...waiting])
  await worker.ran(1)
  const stopping = worker.stop()
  worker.end(running)
  worker.engine.wake()
  same(await stopping, durable ? [] : idsOf(...waiting), 'given back')
  assert.deepEqual(worker.ids, idsOf(running))
  if (!durable) return
  const restarted = await bench.open()
  await restarted.ran(1)
  await restarted.until('the rest waits', async () => String(await restarted.counts()) === (delay ? '0,1,0' : '0,0,0'))
  assert.deepEqual(restarted.ids, idsOf(next))
}

const waitsInStop: Check = async (bench) => {
  const worker = await bench.open({ hold: true })
  const [quick, hung] = [envelope(), envelope()]
  const order: string[] = []
  await worker.engine.enqueue([quick, hung])
  await worker.ran(2)
  const startedAt = performance.now()
  const stopping = worker.stop(DELAY_MS).finally(() => order.push('stopped'))
  setTimeout(() => {
    order.push('ended')
    worker.end(quick)
  }, DELAY_MS / 3)
  assert.deepEqual(await stopping, idsOf(hung), 'given back')
  assert.deepEqual(order, ['ended', 'stopped'])
  const took = performance.now() - startedAt
  assert.ok(took >= DELAY_MS - ROUNDING_MS, `waited ${took} ms of ${DELAY_MS}`)
  worker.end(hung)
  assert.deepEqual(worker.events, [])
  if (!worker.engine.capabilities.durable) return
  await runsAgain(bench, [hung])
}

const putsBackInterrupted: Check = async (bench) => {
  const worker = await bench.open({ hold: true })
  const sent = envelope()
  await worker.engine.enqueue([sent])
  await worker.ran(1)
  const startedAt = performance.now()
  const stopping = worker.stop()
  worker.end(sent, { outcome: 'interrupted', reason: 'drain', attempts: 1 })
  assert.deepEqual(await stopping, [])
  assert.ok(performance.now() - startedAt < LIMIT_MS / 2, 'nothing ran, yet it waited')
  await runsAgain(bench, [sent])
}

/** A new engine on the same store runs just these, as they were. */
async function runsAgain(bench: Bench, expected: readonly Envelope[]): Promise<void> {
  const worker = await bench.open()
  await worker.ran(expected.length)
  const byId = (all: readonly Envelope[]) => all.toSorted((a, b) => (a.record.id < b.record.id ? -1 : 1))
  assert.deepEqual(byId(worker.runs.map((run) => run.envelope)), byId(expected))
  await bench.nothingIsLeft(worker)
  assert.equal(worker.runs.length, expected.length)
}

const restarts: Check = async (bench) => {
  const adds = await bench.open({ consume: false })
  const sent = [envelope(), envelope()]
  await adds.engine.enqueue(sent)
  adds.engine.wake()
  assert.deepEqual(await adds.counts(), [2, 0, 0])
  assert.deepEqual(await adds.stop(), [])
  assert.deepEqual(adds.runs, [])
  await runsAgain(bench, sent)
}

const survives: Check = async (bench) => {
  const plan = { running: newId(), waiting: [newId(), newId(), newId()] }
  await bench.subject.crash?.(bench.store, plan)
  const worker = await bench.open()
  await worker.ran(4)
  await bench.nothingIsLeft(worker)
  same(worker.ids, [plan.running, ...plan.waiting])
  assert.ok(worker.runs.every((run) => run.envelope.attempt === 1))
}

const CASES: readonly (readonly ['any' | 'durable' | 'delay' | 'crash', string, Check])[] = [
  ['any', 'accepts a batch, and runs it once there is room', accepts],
  ['durable', 'refuses an id that it has as a duplicate', knowsDuplicates],
  ['any', 'runs a task once, with its envelope intact', runs],
  ['any', "runs the next attempt after core's delay, and none after a failure", retries],
  ['any', 'runs the same attempt again when it was returned', takesBackReturned],
  ['delay', 'starts a delayed task at its time', delays],
  ['any', 'does not start a closed label, and does once it is open', keepsClosed],
  ['any', 'sees a label close while it starts others', seesClosing],
  ['any', 'runs no more than there is room for', keepsToRoom],
  ['any', 'gives up a waiting task that is cancelled', cancels],
  ['any', 'starts nothing more once it stops, and loses nothing that waits', stopsStarting],
  ['any', 'waits in stop for what runs, up to the deadline, and gives back the rest', waitsInStop],
  ['durable', 'puts an interrupted task back, at the cost of no attempt', putsBackInterrupted],
  ['durable', 'runs after a restart what was accepted before it', restarts],
  ['crash', 'runs after a crash what was accepted and had not ended', survives],
]

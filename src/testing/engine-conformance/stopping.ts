import assert from 'node:assert/strict'
import type { Envelope } from '../../core/engine.ts'
import { DELAY_MS, envelope, FAR_MS, idsOf, LIMIT_MS, newId, ROUNDING_MS, same } from './bench.ts'
import type { Bench, Check } from './bench.ts'

export const stopsStarting: Check = async (bench) => {
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

export const waitsInStop: Check = async (bench) => {
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

export const putsBackInterrupted: Check = async (bench) => {
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

export const restarts: Check = async (bench) => {
  const adds = await bench.open({ consume: false })
  const sent = [envelope(), envelope()]
  await adds.engine.enqueue(sent)
  adds.engine.wake()
  assert.deepEqual(await adds.counts(), [2, 0, 0])
  assert.deepEqual(await adds.stop(), [])
  assert.deepEqual(adds.runs, [])
  await runsAgain(bench, sent)
}

export const survives: Check = async (bench) => {
  const plan = { running: newId(), waiting: [newId(), newId(), newId()] }
  await bench.subject.crash?.(bench.store, plan)
  const worker = await bench.open()
  await worker.ran(4, bench.subject.recoveryMs)
  await bench.nothingIsLeft(worker)
  same(worker.ids, [plan.running, ...plan.waiting])
  for (const { envelope: ran, lostClaims } of worker.runs) {
    assert.equal(ran.attempt, 1)
    assert.equal(lostClaims, ran.record.id === plan.running ? 1 : 0, 'claims lost')
  }
}

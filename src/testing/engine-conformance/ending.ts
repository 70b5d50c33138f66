import assert from 'node:assert/strict'
import type { Envelope } from '../../core/engine.ts'
import { envelope } from './bench.ts'
import type { Bench, Check, Worker } from './bench.ts'

/** What a store could not write down. It never has to: results are core's. */
export const forgetsResults: Check = async (bench) => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  const values: unknown[] = [10n, circle, () => 1, Symbol('s')]
  const worker = await bench.open({
    handler: () => ({ outcome: 'completed', value: values.pop(), attempts: 1 }),
  })
  await worker.engine.enqueue(values.map(() => envelope()))
  await worker.ran(4)
  await bench.nothingIsLeft(worker)
  assert.equal(worker.runs.length, 4)
}

async function oneRuns(bench: Bench): Promise<{ worker: Worker; sent: Envelope }> {
  const worker = await bench.open({ hold: true, concurrency: 1 })
  const sent = envelope()
  await worker.engine.enqueue([sent])
  await worker.ran(1)
  return { worker, sent }
}

const ackFailed = ({ events }: Worker): boolean => events.some((event) => event.type === 'ack_failed')
const isEmpty = async (worker: Worker): Promise<boolean> => String(await worker.counts()) === '0,0,0'

export const repeatsAcknowledging: Check = async (bench) => {
  const { worker, sent } = await oneRuns(bench)
  const heal = await bench.subject.cutOff?.(bench.store)
  worker.end(sent)
  await worker.until('it is reported', () => ackFailed(worker))
  await heal?.()
  await worker.until('its end is stored', () => isEmpty(worker))
  assert.equal(worker.runs.length, 1)
  assert.ok(!worker.told.includes('claim_lost'))
  assert.deepEqual(await worker.stop(), [])
}

export const survivesAway: Check = async (bench) => {
  const { worker, sent } = await oneRuns(bench)
  const heal = await bench.subject.cutOff?.(bench.store)
  await assert.rejects(async () => worker.engine.enqueue([envelope()]), 'what cannot be stored is not accepted')
  await heal?.()
  const after = envelope()
  await worker.engine.enqueue([after])
  worker.end(sent)
  await worker.ran(2)
  worker.end(after)
  await worker.until('both ended', () => isEmpty(worker))
  assert.equal(worker.runs.length, 2)
}

/** It learns of it by a heartbeat, and the next worker knows that it is not the first. */
export const losesClaim: Check = async (bench) => {
  const { worker, sent } = await oneRuns(bench)
  await bench.subject.loseClaim?.(bench.store, sent.record.id)
  await worker.until('the loss is reported', () => worker.told.includes('claim_lost'), bench.subject.recoveryMs)
  worker.end(sent)
  await worker.ran(2)
  assert.equal(worker.runs[1]?.lostClaims, 1)
  worker.end(sent)
  await worker.until('it ended', () => isEmpty(worker))
  assert.equal(worker.runs.length, 2)
  assert.deepEqual(
    worker.events.map((event) => event.type),
    ['claim_lost'],
  )
}

/** It ran to its end, and nobody can store that any more. It may run again, but then not without a word. */
export const losesClaimAcknowledging: Check = async (bench) => {
  const { worker, sent } = await oneRuns(bench)
  const heal = await bench.subject.cutOff?.(bench.store)
  worker.end(sent)
  await worker.until('it is reported', () => ackFailed(worker))
  await bench.subject.loseClaim?.(bench.store, sent.record.id)
  await heal?.()
  await worker.until('it ended', async () => {
    if (worker.runs.length === 2) worker.end(sent)
    return isEmpty(worker)
  })
  assert.ok(worker.runs.length <= 2)
  assert.equal(worker.told.includes('claim_lost'), worker.runs.length === 2)
  assert.deepEqual(await worker.stop(), [])
}

import assert from 'node:assert/strict'
import type { DeathNote, Ending, EngineAdmin, Envelope } from '../../core/engine.ts'
import { envelope, FAR_MS, idsOf, newId, same } from './bench.ts'
import type { Bench, Check, Worker } from './bench.ts'

const failed: Ending = { outcome: 'failed', error: new Error('no'), attempts: 2 }

const noteOf = (message: string): DeathNote => ({
  outcome: 'failed',
  at: Date.now(),
  attempts: 2,
  errorType: 'TypeError',
  message,
})

function adminOf({ engine }: Worker): EngineAdmin {
  assert.ok(engine.admin, 'a durable engine keeps its dead, and has an `admin` for them')
  return engine.admin
}

/** Runs it to its death. */
async function die(worker: Worker, one: Envelope, note: DeathNote): Promise<void> {
  const ran = worker.runs.length
  const dead = (await adminOf(worker).list({ limit: 100 })).length
  await worker.engine.enqueue([one])
  await worker.ran(ran + 1)
  worker.end(worker.runs[ran]?.envelope ?? one, failed, note)
  await worker.until('it is kept', async () => (await adminOf(worker).list({ limit: 100 })).length > dead)
}

async function twoDead(bench: Bench): Promise<{ worker: Worker; old: Envelope; young: Envelope; note: DeathNote }> {
  const worker = await bench.open({ hold: true })
  const request = { method: 'POST', route: '/orders/:id' }
  const old = envelope({ priority: 'high', expiresAt: Date.now() + FAR_MS }, { name: 'old', label: 'old', request })
  const young = envelope({}, { name: 'young', label: 'young' })
  const note = noteOf('the first')
  await die(worker, old, note)
  await die(worker, young, noteOf('the second'))
  return { worker, old, young, note }
}

export const keepsDead: Check = async (bench) => {
  const { worker, old, young, note } = await twoDead(bench)
  const admin = adminOf(worker)
  const all = await admin.list({ limit: 100 })
  assert.deepEqual(
    all.map((dead) => dead.id),
    idsOf(young, old),
    'newest death first',
  )
  const { record, addedAt } = old
  assert.deepEqual(all[1], { id: record.id, name: 'old', addedAt, note, request: record.request })
  assert.deepEqual(
    (await admin.list({ limit: 1 })).map((dead) => dead.name),
    ['young'],
  )
  assert.deepEqual(
    (await admin.list({ limit: 100, name: 'old' })).map((dead) => dead.name),
    ['old'],
  )
  assert.deepEqual(await worker.counts(), [0, 0, 0], 'what is dead waits for nothing')
  const again = await worker.engine.enqueue([old])
  assert.deepEqual(
    again.map(({ result }) => result),
    ['duplicate'],
  )
}

export const retriesDead: Check = async (bench) => {
  const { worker, old, young } = await twoDead(bench)
  assert.deepEqual(await worker.stop(), [])
  const next = await bench.open({ hold: true })
  const admin = adminOf(next)
  assert.equal(await admin.retry(newId()), false)
  assert.equal(await admin.retry(old.record.id), true)
  assert.equal(await admin.retry(old.record.id), false, 'it is not dead any more')
  await next.ran(1)
  const [ran] = next.runs
  const { expiresAt: _pointless, ...revived } = old
  assert.deepEqual(ran?.envelope, revived)
  assert.equal(ran?.lostClaims, 0)
  next.end(revived)
  await next.until('it ended', async () => String(await next.counts()) === '0,0,0')
  same(
    (await admin.list({ limit: 100 })).map((dead) => dead.id),
    idsOf(young),
  )
  assert.deepEqual(next.events, [])
}

export const discardsDead: Check = async (bench) => {
  const { worker, old, young } = await twoDead(bench)
  const admin = adminOf(worker)
  assert.equal(await admin.discard(newId()), false)
  assert.equal(await admin.discard(old.record.id), true)
  assert.equal(await admin.discard(old.record.id), false)
  assert.equal(await admin.retry(old.record.id), false)
  same(
    (await admin.list({ limit: 100 })).map((dead) => dead.id),
    idsOf(young),
  )
  assert.equal(worker.runs.length, 2)
}

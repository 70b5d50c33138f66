// What an embedded store adds to the law of engines: its lock, orphans, one database for several, the caller's transaction.
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { envelope, newId, type Worker } from '../../../src/testing/engine-conformance/bench.ts'
import { Workers } from '../../support/engine-workers.ts'
import { loseClaim } from '../../support/pg-boss.ts'

jest.setTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'afterglow-pglite-'))
const open = new PGlite()
const workers = new Workers()

beforeAll(() => open.waitReady)
afterEach(() => workers.stop())
afterAll(async () => {
  await open.close()
  rmSync(folder, { recursive: true, force: true })
})

const isEmpty = async (worker: Worker) => String(await worker.counts()) === '0,0,0'

test('a folder is locked while it is open, and free again afterwards', async () => {
  const pglite = join(folder, 'locked')
  const lock = `${pglite}.lock`
  const worker = await workers.start(pgBoss({ pglite }))
  expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() })
  await expect(workers.start(pgBoss({ pglite }))).rejects.toMatchObject({
    code: 'ERR_AFTERGLOW_STORE_LOCKED',
    message: expect.stringContaining(`held by process ${process.pid}`),
  })
  await worker.engine.enqueue([envelope()])
  await worker.ran(1)
  await worker.stop()
  const next = await workers.start(pgBoss({ pglite }))
  expect(await next.counts()).toEqual([0, 0, 0])
})

test('an engine that found its folder locked opens it at a later start', async () => {
  const pglite = join(folder, 'later')
  writeFileSync(`${pglite}.lock`, JSON.stringify({ pid: 1, host: 'elsewhere', nonce: 'other' }))
  const engine = pgBoss({ pglite })
  await expect(workers.start(engine)).rejects.toThrow('on elsewhere')
  rmSync(`${pglite}.lock`)
  const worker = await workers.start(engine)
  await engine.enqueue([envelope()])
  await expect(worker.ran(1)).resolves.toBeUndefined()
})

test('an open database serves several engines, each with its queue, and stays open', async () => {
  const one = await workers.start(pgBoss({ pglite: open, queue: 'one' }))
  const two = await workers.start(pgBoss({ pglite: open, queue: 'two' }))
  await expect(workers.start(pgBoss({ pglite: open, queue: 'two' }))).rejects.toMatchObject({
    code: 'ERR_AFTERGLOW_STORE_LOCKED',
  })
  await one.engine.enqueue([envelope()])
  await one.ran(1)
  await two.stop()
  await one.engine.enqueue([envelope()])
  await one.ran(2)
  expect(two.runs).toEqual([])
  await one.stop()
  expect((await open.query('SELECT 1 AS here')).rows).toEqual([{ here: 1 }])
})

test("in the caller's transaction nothing is there after a rollback, and all after a commit", async () => {
  const worker = await workers.start(pgBoss({ pglite: open, queue: newId() }))
  const add = async (tx: unknown) => worker.engine.enqueue([envelope(), envelope()], { transaction: tx })
  const failing = open.transaction(async (tx) => {
    await add(tx)
    throw new Error('the order was refused')
  })
  await expect(failing).rejects.toThrow('refused')
  expect(await worker.counts()).toEqual([0, 0, 0])
  await open.transaction(add)
  await worker.ran(2)
  await worker.until('both ended', () => isEmpty(worker))
  expect(worker.runs).toHaveLength(2)
})

test('a heartbeat leaves alone what is being acknowledged: its end is known, not its claim lost', async () => {
  const answers = Promise.withResolvers<void>()
  let slow = false
  // Carried out at once, and answered late: the row is no longer active when the heartbeat comes.
  const late = new Proxy(open, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, target, args)
        const isEnd = slow && key === 'query' && String(args[0]).includes("state = 'completed'")
        return isEnd ? Promise.resolve(result).then((value) => answers.promise.then(() => value)) : result
      }
    },
  })
  const worker = await workers.start(pgBoss({ pglite: late, queue: newId(), claimTimeoutMs: 10_000 }), { hold: true })
  const sent = envelope()
  await worker.engine.enqueue([sent])
  await worker.ran(1)
  slow = true
  worker.end(sent)
  await worker.until('it is stored', () => isEmpty(worker))
  // One heartbeat and some.
  await sleep(4_500)
  answers.resolve()
  expect(await worker.stop()).toEqual([])
  expect(worker.events).toEqual([])
})

test('an acknowledgement whose answer is lost is not repeated, nor taken for a lost claim', async () => {
  let lose = false
  const lossy = new Proxy(open, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, target, args)
        const isEnd = key === 'query' && /state = 'completed'/.test(String(args[0]))
        if (!lose || !(isEnd || key === 'transaction')) return result
        lose = false
        return Promise.resolve(result).then(() => {
          throw new Error('the answer was lost')
        })
      }
    },
  })
  const worker = await workers.start(pgBoss({ pglite: lossy, queue: newId() }), { hold: true })
  const [ends, again, dies] = [envelope(), envelope(), envelope()]
  await worker.engine.enqueue([ends, again, dies])
  await worker.ran(3)
  const told = () => worker.events.map((event) => event.type)
  lose = true
  worker.end(ends)
  await worker.until('the first is reported', () => told().length === 1)
  lose = true
  worker.end(again, { outcome: 'retried', afterMs: 0, error: new Error('no'), attempts: 1 })
  await worker.ran(4)
  lose = true
  const note = { outcome: 'failed', at: 1, attempts: 1 } as const
  worker.end(dies, { outcome: 'failed', error: new Error('no'), attempts: 1 }, note)
  await worker.until('it is kept', async () => (await worker.engine.admin?.list({ limit: 10 }))?.length === 1)
  worker.end(again)
  await worker.until('all ended', () => isEmpty(worker))
  expect(await worker.stop()).toEqual([])
  expect(told()).toEqual(['ack_failed', 'ack_failed', 'ack_failed'])
  expect(worker.runs).toHaveLength(4)
})

test('a task whose claim was lost waits in the store until its run here has ended, at the cost of nothing', async () => {
  const queue = newId()
  const worker = await workers.start(pgBoss({ pglite: open, queue, claimTimeoutMs: 10_000 }), { hold: true })
  const sent = envelope()
  await worker.engine.enqueue([sent])
  await worker.ran(1)
  // So that it is not back before a heartbeat noticed; a fetch that began before is over by then.
  worker.closed.add('task')
  await worker.counts()
  await loseClaim((text, values) => open.query(text, values), queue, sent.record.id)
  await worker.until('the loss is reported', () => worker.told.includes('claim_lost'))
  worker.closed.clear()
  worker.engine.wake()
  await worker.until('it was fetched, and put back for later', async () => String(await worker.counts()) === '0,1,0')
  expect(worker.runs).toHaveLength(1)
  worker.end(sent)
  await worker.ran(2)
  expect(worker.runs[1]).toMatchObject({ lostClaims: 0, envelope: { attempt: 1 } })
  expect(await worker.counts()).toEqual([0, 0, 1])
  worker.end(sent)
  await worker.until('it ended', () => isEmpty(worker))
  expect(worker.events.map(({ type }) => type)).toEqual(['claim_lost'])
  expect(worker.runs).toHaveLength(2)
})

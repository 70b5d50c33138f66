// The law of engines on a durable one: pg-boss over an embedded PostgreSQL.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { engineConformance, type CrashPlan } from 'koa-afterglow/testing'
import type { Db } from 'pg-boss'
import { envelope, newId, Worker, type WorkerOptions } from '../../src/testing/engine-conformance/bench.ts'
import { pgBossEngine } from '../support/pg-boss-engine.ts'

// Opening the embedded PostgreSQL takes seconds on a busy machine, and some cases open it three times.
jest.setTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'afterglow-engine-'))
const template = join(folder, 'template')
const stores = join(folder, 'stores')

/** A copy of an empty database takes a third of the time that making one does. */
function dataOf(store: string): string {
  const path = join(stores, store)
  if (existsSync(template) && !existsSync(path)) cpSync(template, path, { recursive: true })
  return path
}

beforeAll(async () => {
  const empty = await PGlite.create(template)
  await empty.close()
})
// Each is some 80 MB.
afterEach(() => rmSync(stores, { recursive: true, force: true }))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `kill -9`: the child gets to clean up nothing, neither its claims nor the lock of the store. */
async function crash(store: string, plan: CrashPlan): Promise<void> {
  const script = join(import.meta.dirname, '../support/pg-boss-crash-child.ts')
  const args = ['--conditions=koa-afterglow-source', script, dataOf(store), JSON.stringify(plan)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && child.kill('SIGKILL'))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (signal !== 'SIGKILL') throw new Error(`it was not killed, but ended with ${code ?? signal}`)
}

const cases = engineConformance({ make: (store) => pgBossEngine({ pglite: dataOf(store) }), crash })

describe('pg-boss on PGlite keeps the law of engines: it', () => {
  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe('pg-boss on PGlite', () => {
  const workers: Worker[] = []

  async function started(worker: Worker): Promise<Worker> {
    await worker.engine.start(worker)
    workers.push(worker)
    return worker
  }

  function open(options: WorkerOptions, wrap = (db: Db) => db): Promise<Worker> {
    return started(new Worker(pgBossEngine({ pglite: dataOf(newId()), heartbeatSeconds: 10, wrap }), options))
  }
  // An engine that a failed test left behind would keep Jest from ending.
  afterEach(async () => {
    for (const worker of workers.splice(0)) if (!worker.stopped) await worker.stop(0)
  })

  const types = (worker: Worker) => worker.events.map((event) => event.type)

  test('reports an acknowledgement that fails and repeats it, and does not run the task again', async () => {
    let failures = 2
    const failing = (db: Db): Db => ({
      ...db,
      executeSql: (text, values) =>
        /SET\s[^;]*state = 'completed'/.test(text) && failures-- > 0
          ? Promise.reject(new Error('connection lost'))
          : db.executeSql(text, values),
    })
    const worker = await open({}, failing)
    await worker.engine.enqueue([envelope()])
    await worker.ran(1)
    await worker.until('its end is stored', async () => (await worker.counts()).every((count) => count === 0))
    expect(await worker.stop()).toEqual([])
    expect(types(worker)).toEqual(['ack_failed', 'ack_failed'])
    expect(worker.runs).toHaveLength(1)
  })

  test('reports a claim that was taken away at the next heartbeat, and stores no late end', async () => {
    const worker = await open({ hold: true })
    const sent = envelope()
    await worker.engine.enqueue([sent])
    await worker.ran(1)
    expect(await worker.engine.cancel(sent.record.id, 'from elsewhere')).toBe('running')
    await worker.until('the loss is known', () => worker.events.length > 0)
    worker.end(sent, { outcome: 'retried', afterMs: 0, attempts: 1 })
    expect(await worker.counts()).toEqual([0, 0, 0])
    expect(await worker.stop()).toEqual([])
    expect(types(worker)).toEqual(['claim_lost'])
    expect(worker.runs).toHaveLength(1)
  })

  test('refuses a store that another engine has', async () => {
    const pglite = dataOf(newId())
    await started(new Worker(pgBossEngine({ pglite }), {}))
    const second = started(new Worker(pgBossEngine({ pglite }), {}))
    await expect(second).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_STORE_LOCKED' })
  })
})

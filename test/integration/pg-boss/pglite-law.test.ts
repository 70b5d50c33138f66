// The law of engines on pg-boss in an embedded PostgreSQL.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { engineConformance } from 'koa-afterglow/testing'
import { loseClaim } from '../../support/pg-boss.ts'
import { killOnceReady } from '../../support/kill.ts'

// Opening the embedded PostgreSQL takes seconds on a busy machine.
jest.setTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'afterglow-engine-'))
const pglite = join(folder, 'killed')
// Cases open it three times, and each time takes a second; what is not about that shares one that is open.
const open = new PGlite()
const killed = new Set<string>()

beforeAll(() => open.waitReady)
afterAll(async () => {
  await open.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The same database, but what engines ask of it fails while it is cut. */
let cut = false
const wire = new Proxy(open, {
  get(target, key) {
    const member: unknown = Reflect.get(target, key, target)
    if (typeof member !== 'function') return member
    const fails = key === 'query' || key === 'exec' || key === 'transaction'
    return (...args: unknown[]): unknown => {
      if (fails && cut) return Promise.reject(new Error('cut off'))
      return Reflect.apply(member, target, args)
    }
  },
})

const cases = engineConformance({
  make: (queue) => pgBoss({ pglite: killed.has(queue) ? pglite : wire, queue, claimTimeoutMs: 10_000 }),
  cutOff() {
    cut = true
    const heal = () => Promise.resolve(void (cut = false))
    return Promise.resolve(heal)
  },
  loseClaim: (queue, id) => loseClaim((text, values) => open.query(text, values), queue, id),
  async crash(queue, plan) {
    killed.add(queue)
    await killOnceReady('engine-crash-child.ts', 'pg-boss', JSON.stringify({ pglite, queue }), JSON.stringify(plan))
  },
})

describe('pg-boss on PGlite keeps the law of engines: it', () => {
  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

// PostgreSQL goes away under load, in each of its ways. Nothing acknowledged is lost, and the process recovers alone.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { pgBoss, type PostgresOptions } from 'koa-afterglow/pg-boss'
import { completed, envelope, newId, type Worker } from '../../../src/testing/engine-conformance/bench.ts'
import { Workers } from '../../support/engine-workers.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { tcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

jest.setTimeout(120_000)

const RECOVERY_MS = 40_000
let server: PostgresServer
let wire: TcpProxy
let queue: string
const workers = new Workers()

beforeAll(async () => {
  server = await startPostgres()
})
beforeEach(async () => {
  wire = await tcpProxy(server.port)
  queue = newId()
})
afterEach(async () => {
  await workers.stop()
  await wire.close()
})
afterAll(() => server.stop())

const options = (): PostgresOptions => ({
  connectionString: `postgres://postgres:postgres@127.0.0.1:${wire.port}/postgres`,
  queue,
  claimTimeoutMs: 10_000,
  statementTimeoutMs: 1_000,
})

/** Adds one task after the other, on several lines, and keeps the ids of those that were acknowledged. */
class Producer {
  readonly acknowledged: string[] = []
  readonly refused: { readonly message: string; readonly afterMs: number }[] = []
  readonly #worker: Worker
  readonly #lines: readonly Promise<void>[]
  #ended = false

  constructor(worker: Worker) {
    this.#worker = worker
    this.#lines = [1, 2, 3, 4].map(() => this.#line())
  }

  async end(): Promise<void> {
    this.#ended = true
    await Promise.all(this.#lines)
  }

  async #line(): Promise<void> {
    while (!this.#ended) {
      const one = envelope()
      const began = performance.now()
      try {
        await this.#worker.engine.enqueue([one])
        this.acknowledged.push(one.record.id)
      } catch (thrown) {
        this.refused.push({ message: (thrown as Error).message, afterMs: performance.now() - began })
      }
      await sleep(5)
    }
  }
}

/** Under load, `happens`; afterwards everything that was acknowledged has run, and what is added now runs too. */
async function goesOnAfter(
  happens: () => Promise<void>,
): Promise<{ lost: readonly string[]; refused: Producer['refused'] }> {
  const handler = () => sleep(10).then(() => completed)
  const worker = await workers.start(pgBoss(options()), { handler, concurrency: 20 })
  const producer = new Producer(worker)
  await worker.ran(20)
  await happens()
  const before = producer.acknowledged.length
  await worker.until('adds are taken again', () => producer.acknowledged.length > before + 20, RECOVERY_MS)
  await producer.end()
  await worker.until('nothing is left', async () => String(await worker.counts()) === '0,0,0', RECOVERY_MS)
  const ran = new Set(worker.ids)
  return { lost: producer.acknowledged.filter((id) => !ran.has(id)), refused: producer.refused }
}

describe('under load, PostgreSQL', () => {
  test('is restarted', async () => {
    const { lost, refused } = await goesOnAfter(async () => {
      await server.down('fast')
      await sleep(500)
      await server.start()
    })
    expect(lost).toEqual([])
    expect(refused.length).toBeGreaterThan(0)
  })

  test('is killed, and recovers', async () => {
    const { lost } = await goesOnAfter(async () => {
      await server.down('killed')
      await server.start()
    })
    expect(lost).toEqual([])
  })

  test('stands still: adds fail in bounded time, and say why', async () => {
    const { lost, refused } = await goesOnAfter(async () => {
      server.pause()
      await sleep(4_000)
      server.resume()
    })
    expect(lost).toEqual([])
    expect(refused.map((one) => one.message).join()).toMatch('the store did not answer in time')
    // A connection or a statement, each at most the time of one, on a machine that may be busy.
    expect(Math.max(...refused.map((one) => one.afterMs))).toBeLessThan(3_000)
  })

  test('is cut off, with every connection', async () => {
    const { lost } = await goesOnAfter(async () => {
      wire.cut()
      await sleep(2_000)
      wire.heal()
    })
    expect(lost).toEqual([])
  })

  test('is behind a wire that is silent', async () => {
    const { lost } = await goesOnAfter(async () => {
      wire.freeze()
      await sleep(4_000)
      wire.heal()
    })
    expect(lost).toEqual([])
  })
})

test('a server that is not there at the start is an error in words, and the same engine may start later', async () => {
  await server.down('fast')
  const engine = pgBoss(options())
  await expect(workers.start(engine)).rejects.toThrow('the store was cut off')
  await server.start()
  const worker = await workers.start(engine)
  await engine.enqueue([envelope()])
  await expect(worker.ran(1)).resolves.toBeUndefined()
})

test('an end is bounded also when the store stands still', async () => {
  const worker = await workers.start(pgBoss(options()), { hold: true })
  await worker.engine.enqueue([envelope()])
  await worker.ran(1)
  server.pause()
  const began = performance.now()
  const given = await worker.stop(300)
  expect(given).toHaveLength(1)
  expect(performance.now() - began).toBeLessThan(4_000)
  server.resume()
  const next = await workers.start(pgBoss(options()))
  await next.ran(1, RECOVERY_MS)
  expect(next.ids).toEqual(given)
})

test('an end is bounded also while the store is being opened', async () => {
  wire.freeze()
  const engine = pgBoss(options())
  const starting = workers.start(engine)
  starting.catch(() => {})
  const began = performance.now()
  await engine.stop({ deadlineMs: 0 })
  expect(performance.now() - began).toBeLessThan(3_000)
  await expect(starting).rejects.toThrow('the store did not answer in time')
})

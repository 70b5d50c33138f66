// What bullmq() does while Redis restarts, is silent, or is cut off.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Redis } from 'ioredis'
import type { Envelope } from 'koa-afterglow'
import { completed, envelope, idsOf, type Worker } from '../../../src/testing/engine-conformance/bench.ts'
import { codes, types, Workers } from '../../support/bullmq.ts'
import { describeWithRedis, RedisServer } from '../../support/redis.ts'
import { tcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

jest.setTimeout(30_000)

let redis: RedisServer
let wire: TcpProxy
const workers = new Workers(() => redis)
const isEmpty = async (worker: Worker): Promise<boolean> => {
  try {
    return String(await worker.counts()) === '0,0,0'
  } catch {
    return false
  }
}

/** Adds one after the other until told to end; what was acknowledged, and how long the slowest answer took. */
function load(worker: Worker): { end(): Promise<{ acknowledged: Set<string>; slowestMs: number; refused: number }> } {
  const ending = new AbortController()
  const acknowledged = new Set<string>()
  let [slowestMs, refused] = [0, 0]
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const one: Envelope = envelope()
      const startedAt = performance.now()
      try {
        await worker.engine.enqueue([one])
        acknowledged.add(one.record.id)
      } catch {
        refused++
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const running = run()
  return {
    async end() {
      ending.abort()
      await running
      return { acknowledged, slowestMs, refused }
    },
  }
}

describeWithRedis(describe, import.meta.filename)('bullmq() while Redis is not there', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  beforeEach(async () => {
    wire = await tcpProxy(redis.port)
  })
  afterEach(async () => {
    redis.resume()
    await workers.close()
    await wire.close()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  const through = () => ({ connection: `redis://127.0.0.1:${wire.port}` })
  const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return completed
  }

  const outages: readonly (readonly [string, () => Promise<void>])[] = [
    [
      'is killed and starts again',
      async () => {
        await redis.down()
        await new Promise((resolve) => setTimeout(resolve, 700))
        await redis.up()
      },
    ],
    [
      'is silent for longer than a claim lasts',
      async () => {
        redis.pause()
        await new Promise((resolve) => setTimeout(resolve, 1_800))
        redis.resume()
      },
    ],
    [
      'is cut off',
      async () => {
        wire.cut()
        await new Promise((resolve) => setTimeout(resolve, 700))
        wire.heal()
      },
    ],
    [
      'hears and cannot answer',
      async () => {
        wire.mute()
        await new Promise((resolve) => setTimeout(resolve, 1_200))
        wire.heal()
      },
    ],
  ]

  test.each(outages)(
    'under load, when Redis %s, loses nothing acknowledged, answers in time and recovers',
    async (_, happen) => {
      const worker = await workers.open({ handler, engine: through() })
      const adding = load(worker)
      await worker.ran(20)
      await happen()
      const before = worker.runs.length
      await worker.until('it runs again', () => worker.runs.length > before + 20)
      const { acknowledged, slowestMs, refused } = await adding.end()
      await worker.until('nothing is left', () => isEmpty(worker))
      expect(refused).toBeGreaterThan(0)
      // commandTimeoutMs is 500; the machine may be busy.
      expect(slowestMs).toBeLessThan(2_000)
      const ran = new Set(worker.ids)
      expect([...acknowledged].filter((id) => !ran.has(id))).toEqual([])
      // At least once: twice only what ran, or was on its way, when it happened.
      expect(worker.runs.length - ran.size).toBeLessThanOrEqual(10)
    },
  )

  test('holds on to what runs while Redis is away for longer than a claim lasts', async () => {
    const worker = await workers.open({ hold: true })
    const other = await workers.open({ hold: true, concurrency: 0 })
    const sent = [envelope(), envelope()]
    await worker.engine.enqueue(sent)
    await worker.ran(2)
    redis.pause()
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    redis.resume()
    for (const one of sent) worker.end(one)
    await worker.until('both ended', () => isEmpty(worker))
    expect(worker.runs).toHaveLength(2)
    expect(types(worker)).not.toContain('claim_lost')
    expect(other.runs).toEqual([])
  })

  test('knows an acknowledgement whose answer was lost', async () => {
    const worker = await workers.open({ hold: true, engine: through() })
    const sent = [envelope(), envelope(), envelope()] as const
    await worker.engine.enqueue(sent)
    await worker.ran(3)
    wire.mute()
    worker.end(sent[0])
    worker.end(sent[1], { outcome: 'failed', error: new Error('no'), attempts: 1 })
    worker.end(sent[2], { outcome: 'retried', error: new Error('no'), afterMs: 60_000, attempts: 1 })
    await worker.until(
      'the first tries failed',
      () => types(worker).filter((type) => type === 'ack_failed').length >= 3,
    )
    wire.heal()
    await worker.until('all is stored', async () => String(await worker.counts().catch(() => '')) === '0,1,0')
    expect(await worker.stop()).toEqual([])
    expect(types(worker)).not.toContain('claim_lost')
    expect(worker.runs).toHaveLength(3)
  })

  test.each(['gone', 'silent'])('stops by its deadline when Redis is %s, and names what it ran', async (how) => {
    const worker = await workers.open({ hold: true })
    const sent = [envelope(), envelope()]
    await worker.engine.enqueue(sent)
    await worker.ran(2)
    await (how === 'gone' ? redis.down() : redis.pause())
    worker.end(sent[0] ?? envelope())
    const startedAt = performance.now()
    const left = await worker.stop(1_000)
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(left).toEqual(idsOf(...sent.slice(1)))
    if (how === 'gone') await redis.up()
    else redis.resume()
    // Neither end was stored: another worker runs them.
    const next = await workers.open()
    await next.ran(2)
    await next.until('nothing is left', () => isEmpty(next))
  })

  test('reports an outage once, and fails adds at once while it lasts', async () => {
    const worker = await workers.open()
    await redis.down()
    await worker.until('it is known', () => worker.events.length > 0)
    const slowest = { ms: 0 }
    for (let count = 0; count < 50; count++) {
      const startedAt = performance.now()
      await expect(worker.engine.enqueue([envelope()])).rejects.toThrow(`127.0.0.1:${redis.port}`)
      slowest.ms = Math.max(slowest.ms, performance.now() - startedAt)
    }
    expect(slowest.ms).toBeLessThan(500)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await redis.up()
    await worker.until('it is back', () => isEmpty(worker))
    expect(types(worker)).toEqual(['engine_error'])
  })

  test('says so when it came back as one that may lose what it acknowledged, and acknowledges nothing', async () => {
    const worker = await workers.open()
    await redis.down()
    await redis.up({ appendonly: 'no' })
    const client = new Redis(redis.url)
    try {
      await worker.until('it is reported', () => codes(worker).includes('ERR_AFTERGLOW_NOT_DURABLE'))
      expect(types(worker)).not.toContain('claim_lost')
      for (let count = 0; count < 3; count++)
        await expect(worker.engine.enqueue([envelope()])).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_NOT_DURABLE' })
      expect(codes(worker).filter((code) => code === 'ERR_AFTERGLOW_NOT_DURABLE')).toHaveLength(1)
      await client.config('SET', 'appendonly', 'yes')
      await expect(worker.engine.enqueue([envelope()])).resolves.toEqual([])
    } finally {
      client.disconnect()
      await redis.down()
      await redis.up()
    }
  })
})

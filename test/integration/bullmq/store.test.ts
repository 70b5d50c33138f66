// What bullmq() makes of the Redis that it is given, and keeps in it.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import type { DeathNote } from 'koa-afterglow'
import { bullmq } from 'koa-afterglow/bullmq'
import { completed, envelope, idsOf, Worker } from '../../../src/testing/engine-conformance/bench.ts'
import { SWEEP_MS } from '../../../src/engines/bullmq/fetcher.ts'
import { types, Workers } from '../../support/bullmq.ts'
import { describeWithRedis, RedisServer } from '../../support/redis.ts'

jest.setTimeout(30_000)

let redis: RedisServer
let client: Redis
const workers = new Workers(() => redis)
const note: DeathNote = { outcome: 'failed', at: Date.now(), attempts: 2, message: 'mail server refused' }

describeWithRedis(describe, import.meta.filename)('bullmq()', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
    client = new Redis(redis.url)
  })
  afterEach(async () => {
    await workers.close()
    for (const [key, value] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'everysec'],
      ['maxmemory', '0'],
      ['maxmemory-policy', 'noeviction'],
    ] as const)
      await client.config('SET', key, value)
  })
  afterAll(async () => {
    client.disconnect()
    await redis[Symbol.asyncDispose]()
  })

  test.each([
    ['appendonly', 'no', 'appendonly yes'],
    ['appendfsync', 'no', 'everysec'],
    ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['maxmemory-policy', 'volatile-ttl', 'noeviction'],
  ])('refuses a Redis with %s %s, and says what to set', async (key, value, remedy) => {
    await client.config('SET', key, value)
    await expect(workers.open()).rejects.toMatchObject({
      code: 'ERR_AFTERGLOW_NOT_DURABLE',
      message: expect.stringContaining(remedy),
    })
  })

  test('warns of such a Redis with acceptLoss, and uses it', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await client.config('SET', 'appendonly', 'no')
    const worker = await workers.open({ engine: { acceptLoss: true } })
    await worker.engine.enqueue([envelope()])
    await worker.ran(1)
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ code: 'ERR_AFTERGLOW_NOT_DURABLE' }))
  })

  test.each([
    ['yes', 'noeviction', undefined],
    ['no', 'noeviction', 'ERR_AFTERGLOW_NOT_DURABLE'],
    ['yes', 'allkeys-lfu', 'ERR_AFTERGLOW_NOT_DURABLE'],
  ])('judges by INFO where CONFIG is forbidden: appendonly %s, %s', async (appendonly, policy, code) => {
    await using hosted = await RedisServer.start({
      appendonly,
      'maxmemory-policy': policy,
      'rename-command': 'CONFIG ""',
    })
    const worker = new Worker(bullmq({ connection: hosted.url }), {})
    const started = Promise.resolve(worker.engine.start(worker)).then(
      () => undefined,
      (thrown: unknown) => (thrown as { readonly code?: unknown }).code,
    )
    expect(await started).toBe(code)
    await worker.stop()
  })

  test('says where there is no Redis, and can be started again once there is', async () => {
    await using late = await RedisServer.start()
    await late.down()
    const worker = new Worker(bullmq({ connection: late.url }), {})
    await expect(worker.engine.start(worker)).rejects.toThrow(`cannot connect to Redis at 127.0.0.1:${late.port}`)
    await late.up()
    await worker.engine.start(worker)
    expect(await worker.stop()).toEqual([])
  })

  test('uses a client as a pattern and leaves it as it was', async () => {
    const worker = await workers.open({ engine: { connection: client } })
    await worker.engine.enqueue([envelope()])
    await worker.ran(1)
    await worker.stop()
    expect(await client.ping()).toBe('PONG')
    expect(client.listenerCount('error')).toBe(0)
  })

  test('at maxmemory refuses adds with a clear error, lets what runs finish, and works off what waits', async () => {
    const worker = await workers.open({ hold: true, concurrency: 1 })
    const [running, waiting, refused] = [envelope(), envelope(), envelope()]
    await worker.engine.enqueue([running, waiting])
    await worker.ran(1)
    await client.config('SET', 'maxmemory', '1mb')
    const receipts = await worker.engine.enqueue([refused])
    expect(receipts).toEqual([
      { id: refused.record.id, result: 'rejected', error: expect.objectContaining({ code: 'ERR_AFTERGLOW_ENGINE' }) },
    ])
    expect(receipts[0]?.error?.message).toContain('maxmemory')
    // Longer than its claim lasts without a sign of life.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    worker.end(running)
    await worker.ran(2)
    worker.end(waiting)
    await worker.until('nothing is left', async () => String(await worker.counts()) === '0,0,0')
    expect(worker.ids).toEqual(idsOf(running, waiting))
    expect(types(worker)).toEqual([])
  })

  test('does not run a task again for a result that is no JSON', async () => {
    const worker = await workers.open({ handler: () => ({ ...completed, value: 1n }) })
    await worker.engine.enqueue([envelope()])
    await worker.until('it ended', async () => worker.runs.length === 1 && String(await worker.counts()) === '0,0,0')
    expect(types(worker)).toEqual([])
  })

  test('keeps no input of what is completed, and knows a repeated add of it', async () => {
    const worker = await workers.open()
    const sent = envelope({ input: { secret: 'hunter2' } })
    await worker.engine.enqueue([sent])
    await worker.until('it ended', async () => worker.runs.length === 1 && String(await worker.counts()) === '0,0,0')
    expect(await worker.engine.enqueue([sent])).toEqual([{ id: sent.record.id, result: 'duplicate' }])
    const kept = await client.hgetall(`bull:${workers.queue}.task:${sent.record.id}`)
    expect(kept['returnvalue']).toBe('"completed"')
    expect(JSON.stringify(kept)).not.toContain('hunter2')
  })

  test('lets one of several who retry a dead task, and cancels none', async () => {
    const worker = await workers.open({ hold: true })
    const { admin } = worker.engine
    const sent = envelope({ attempt: 2 })
    await worker.engine.enqueue([sent])
    await worker.ran(1)
    worker.end(sent, { outcome: 'failed', error: new Error('no'), attempts: 2 }, note)
    await worker.until('it is dead', async () => (await admin?.list({ limit: 1 }))?.length === 1)
    const { id } = sent.record
    expect(await worker.engine.cancel(id, 'dead')).toBe('unknown')
    // BullMQ's own dashboards show why.
    expect(await client.hget(`bull:${workers.queue}.task:${id}`, 'failedReason')).toBe(note.message)
    const retried = await Promise.all([1, 2, 3].map(async () => admin?.retry(id)))
    expect(retried.filter(Boolean)).toHaveLength(1)
    await worker.ran(2)
    expect(await admin?.discard(id)).toBe(false)
    expect(await admin?.list({ limit: 1 })).toEqual([])
  })

  test('keeps the order within a task, also of what was claimed and put back', async () => {
    const worker = await workers.open({ concurrency: 0 })
    const sent = Array.from({ length: 40 }, () => envelope())
    await worker.engine.enqueue(sent)
    // Claims many and may start one, as a task does that is at its own limit.
    worker.concurrency = 40
    const run = worker.run
    Object.assign(worker, {
      run: (...given: Parameters<typeof run>) => {
        run(...given)
        // By then it claims many at once, and all but one of them go back.
        if (worker.runs.length < 16) return
        worker.closed.add('task')
        setImmediate(() => {
          worker.closed.delete('task')
          worker.engine.wake()
        })
      },
    })
    worker.engine.wake()
    await worker.ran(40)
    expect(worker.ids).toEqual(idsOf(...sent))
  })

  test('starts in the order of the adds, claimed by the pump and by what ends at once', async () => {
    const worker = await workers.open({ concurrency: 0 })
    const sent = Array.from({ length: 400 }, () => envelope())
    await worker.engine.enqueue(sent)
    worker.concurrency = 20
    worker.engine.wake()
    await worker.ran(400)
    expect(worker.ids).toEqual(idsOf(...sent))
  })

  // Sooner than the sweep that would find it anyway.
  test('goes on at once where a retry is due at once, with no other slot free', async () => {
    const worker = await workers.open({
      concurrency: 1,
      handler: ({ attempt }) => (attempt < 6 ? { outcome: 'retried', afterMs: 0, attempts: attempt } : completed),
    })
    await worker.engine.enqueue([envelope()])
    await expect(worker.ran(6, SWEEP_MS - 1_000)).resolves.toBeUndefined()
  })

  test('goes on at once behind a task that it cannot read', async () => {
    const worker = await workers.open({ concurrency: 1, hold: true })
    const [first, last] = [envelope(), envelope()]
    await worker.engine.enqueue([first])
    await worker.ran(1)
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    const queue = new Queue(`${workers.queue}.task`, { connection })
    for (let count = 0; count < 40; count++) await queue.add('task', { v: 'of another version' })
    await queue.close()
    connection.disconnect()
    await worker.engine.enqueue([last])
    worker.end(first)
    await worker.ran(2, SWEEP_MS - 1_000)
    expect(worker.ids).toEqual(idsOf(first, last))
    worker.end(last)
  })

  test('is told at once of a task of which it never heard, by another process', async () => {
    const worker = await workers.open()
    const adds = await workers.open({ consume: false })
    // Until it listens.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const startedAt = performance.now()
    await adds.engine.enqueue([envelope({}, { label: 'new: ä/@high', name: 'new' })])
    await worker.ran(1)
    // It looks by itself every five seconds.
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(await adds.counts()).toEqual(await worker.counts())
  })

  test('says how old the oldest task is that is ready', async () => {
    const worker = await workers.open({ concurrency: 0 })
    const now = Date.now()
    await worker.engine.enqueue([
      envelope({ addedAt: now - 60_000, startAt: now + 50 }),
      envelope({ addedAt: now - 5_000 }),
    ])
    expect(await worker.counts()).toEqual([1, 1, 0])
    expect((await worker.engine.stats()).oldestReadyMs).toBeGreaterThanOrEqual(5_000)
    expect((await worker.engine.stats()).oldestReadyMs).toBeLessThan(30_000)
    await worker.until('both are ready', async () => String(await worker.counts()) === '2,0,0')
    expect((await worker.engine.stats()).oldestReadyMs).toBeLessThan(30_000)
  })

  test('keeps what it cannot read, and says so', async () => {
    const worker = await workers.open({ concurrency: 0 })
    const strange = envelope({ v: 2 as 1 })
    await worker.engine.enqueue([strange, envelope()])
    worker.admit(10)
    await worker.ran(1)
    await worker.until('it is put back', async () => String(await worker.counts()) === '0,1,0')
    expect(worker.events).toEqual([
      { type: 'engine_error', error: expect.objectContaining({ message: expect.stringContaining(strange.record.id) }) },
    ])
  })

  test('sends its scripts again to a Redis that forgot them', async () => {
    const worker = await workers.open()
    await worker.engine.enqueue([envelope()])
    await worker.ran(1)
    await client.script('FLUSH')
    const sent = envelope()
    await worker.until('it is stored', async () => {
      try {
        return (await worker.engine.enqueue([sent])).length === 0
      } catch {
        return false
      }
    })
    await worker.until('it ended', async () => worker.runs.length === 2 && String(await worker.counts()) === '0,0,0')
    expect(worker.ids.at(-1)).toBe(sent.record.id)
  })

  test('leaves a dashboard of BullMQ something to read', async () => {
    const worker = await workers.open({ hold: true, concurrency: 1 })
    await worker.engine.enqueue([envelope(), envelope()])
    await worker.ran(1)
    const queue = new Queue(`${workers.queue}.task`, { connection: { url: redis.url } })
    try {
      expect(await queue.getJobCounts('wait', 'active')).toEqual({ wait: 1, active: 1 })
      expect((await queue.getActive())[0]?.name).toBe('task')
    } finally {
      await queue.close()
    }
  })
})

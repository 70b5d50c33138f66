// Several workers on one Redis, some in processes of their own.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { envelope, idsOf } from '../../../src/testing/engine-conformance/bench.ts'
import { types, Workers } from '../../support/bullmq.ts'
import { describeWithRedis, RedisServer } from '../../support/redis.ts'

jest.setTimeout(30_000)

let redis: RedisServer
const workers = new Workers(() => redis)
const children: WorkerProcess[] = []

class WorkerProcess {
  readonly #child: ChildProcess
  lines: readonly string[] = []

  constructor(options: object, concurrency = 10) {
    const script = join(import.meta.dirname, '../../support/bullmq-worker-child.ts')
    const args = ['--conditions=koa-afterglow-source', script, JSON.stringify(options), String(concurrency)]
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdout?.setEncoding('utf8')
    let text = ''
    this.#child.stdout?.on('data', (more: string) => {
      text += more
      this.lines = text.split('\n')
    })
    children.push(this)
  }

  async says(line: string): Promise<void> {
    while (!this.lines.some((one) => one.startsWith(line))) await once(this.#child.stdout ?? this.#child, 'data')
  }

  get ids(): readonly string[] {
    return this.lines.filter((line) => line.startsWith('run ')).map((line) => line.split(' ')[1] ?? '')
  }

  async end(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin?.end()
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    await closed
    clearTimeout(late)
  }
}

describeWithRedis(describe, import.meta.filename)('bullmq() in several processes', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.end()))
    await workers.close()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test('runs each task once, wherever', async () => {
    const adds = await workers.open({ consume: false })
    const processes = [1, 2, 3].map(() => new WorkerProcess(workers.optionsOf(), 2))
    await Promise.all(processes.map((one) => one.says('started')))
    const sent = Array.from({ length: 300 }, (_, index) => envelope({}, { label: `task ${index % 4}` }))
    for (let at = 0; at < sent.length; at += 10) await adds.engine.enqueue(sent.slice(at, at + 10))
    await adds.until('all ended', async () => String(await adds.counts()) === '0,0,0')
    const ran = processes.flatMap(({ ids }) => ids)
    expect(ran.toSorted()).toEqual(idsOf(...sent).toSorted())
    for (const { ids, lines } of processes) {
      expect(ids.length).toBeGreaterThan(0)
      expect(lines.filter((line) => line.startsWith('event'))).toEqual([])
    }
  })

  test('tells all that wait of a queue that is new', async () => {
    const all = await Promise.all([1, 2, 3].map(() => workers.open({ hold: true, concurrency: 1 })))
    const adds = await workers.open({ consume: false })
    const startedAt = performance.now()
    await adds.engine.enqueue([envelope(), envelope(), envelope()])
    await Promise.all(all.map((worker) => worker.ran(1)))
    // They look by themselves every five seconds.
    expect(performance.now() - startedAt).toBeLessThan(2_500)
  })

  test('hands on to an idle worker what a full one is told of', async () => {
    const full = await workers.open({ hold: true })
    const adds = await workers.open({ consume: false })
    const add = async () => adds.engine.enqueue([envelope({}, { label: 'other' })])
    // Until it found the queue empty and waits for it.
    await add()
    await full.ran(1)
    const client = new Redis(redis.url)
    const marker = `bull:${workers.queue}.other:marker`
    await full.until('it has heard the last wake', async () => (await client.exists(marker)) === 0)
    client.disconnect()
    await full.counts()
    full.concurrency = 1
    const idle = await workers.open()
    const startedAt = performance.now()
    for (let count = 1; count <= 4; count++) {
      await add()
      await idle.ran(count)
    }
    expect(performance.now() - startedAt).toBeLessThan(2_500)
    expect(full.runs).toHaveLength(1)
  })

  test('keeps its claim on a task that takes longer than a claim lasts', async () => {
    const worker = await workers.open({ hold: true })
    const idle = await workers.open()
    worker.concurrency = 1
    const sent = envelope()
    idle.concurrency = 0
    await worker.engine.enqueue([sent])
    await worker.ran(1)
    idle.admit(10)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    worker.end(sent)
    await worker.until('it ended', async () => String(await worker.counts()) === '0,0,0')
    expect(idle.runs).toEqual([])
    expect([...worker.events, ...idle.events]).toEqual([])
  })

  test('runs what a blocked worker has elsewhere, and that worker says that its claim was lost', async () => {
    const worker = await workers.open({ concurrency: 0, hold: true })
    const blocked = new WorkerProcess(workers.optionsOf())
    await blocked.says('started')
    const sent = envelope({ input: { blockMs: 3_000 } })
    await worker.engine.enqueue([sent])
    await blocked.says(`run ${sent.record.id} 0`)
    worker.admit(1)
    await worker.ran(1)
    await blocked.says('event claim_lost')
    worker.end(sent)
    await worker.until('it ended', async () => String(await worker.counts()) === '0,0,0')
    // Its own late end changed nothing.
    expect(types(worker)).toEqual([])
    expect(blocked.ids).toHaveLength(1)
  })

  test('goes on with a blocked worker that nobody stood in for', async () => {
    const adds = await workers.open({ consume: false })
    const blocked = new WorkerProcess(workers.optionsOf())
    await blocked.says('started')
    const sent = envelope({ input: { blockMs: 2_000 } })
    await adds.engine.enqueue([sent])
    await blocked.says('run')
    await adds.until('it ended', async () => String(await adds.counts()) === '0,0,0')
    expect(blocked.lines.filter((line) => line.startsWith('event'))).toEqual([])
    expect(blocked.ids).toHaveLength(1)
  })
})

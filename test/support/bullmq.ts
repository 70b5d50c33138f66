// Engines on a Redis of the test, which are stopped whatever happens.
import { createRedisBackend } from 'bullmq'
import { Redis } from 'ioredis'
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import { newId, Worker, type WorkerOptions } from '../../src/testing/engine-conformance/bench.ts'
import type { RedisServer } from './redis.ts'

export interface OpenOptions extends WorkerOptions {
  readonly engine?: Partial<BullmqOptions>
}

export class Workers {
  readonly #redis: () => RedisServer
  readonly #open: Worker[] = []
  queue = ''

  constructor(redis: () => RedisServer) {
    this.#redis = redis
    this.fresh()
  }

  fresh(): void {
    this.queue = `q${newId()}`
  }

  optionsOf(engine: Partial<BullmqOptions> = {}): BullmqOptions {
    return { connection: this.#redis().url, queue: this.queue, claimTimeoutMs: 1_000, commandTimeoutMs: 500, ...engine }
  }

  async open({ engine, ...options }: OpenOptions = {}): Promise<Worker> {
    const worker = new Worker(bullmq(this.optionsOf(engine)), options)
    await worker.engine.start(worker)
    this.#open.push(worker)
    return worker
  }

  async close(): Promise<void> {
    for (const worker of this.#open.splice(0)) if (!worker.stopped) await worker.stop(0)
    this.fresh()
  }
}

export const types = (worker: Worker): readonly string[] => worker.events.map((event) => event.type)

export const codes = (worker: Worker): readonly unknown[] =>
  worker.events.map((event) => event.type === 'engine_error' && (event.error as { readonly code?: unknown }).code)

/** As the check of BullMQ does once the lock of a job is gone. */
export async function loseClaim(redis: RedisServer, queue: string, id: string): Promise<void> {
  const client = new Redis(redis.url)
  const how = { connection: client, maxStalledCount: 1_000, stalledInterval: 1 }
  const backend = createRedisBackend(queue, how)
  try {
    await backend.waitUntilReady()
    await client.del(`${backend.toKey(id)}:lock`, backend.keys['stalled-check'] ?? '')
    await client.sadd(backend.keys['stalled'] ?? '', id)
    const moved = await backend.moveStalledJobsToWait()
    if (!moved.includes(id)) throw new Error(`the claim on ${id} was not lost`)
  } finally {
    client.disconnect()
  }
}

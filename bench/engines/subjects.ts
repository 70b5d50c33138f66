// What is measured: an engine, and the library below it as its own users drive it, on the same store. One entry each.
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { PGlite } from '@electric-sql/pglite'
import { bullmq } from 'koa-afterglow/bullmq'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { fromPglite, PgBoss, type ConstructorOptions } from 'pg-boss'
import type { Engine } from '../../src/core/engine.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { RedisServer } from '../../test/support/redis.ts'

export interface RawLibrary {
  add(inputs: readonly object[]): Promise<void>
  /** Runs `handler` for each, up to `concurrency` at once, until it is closed. */
  work(handler: () => Promise<void>, concurrency: number): Promise<void>
  close(): Promise<void>
}

export interface Subject {
  readonly engine: Engine
  readonly raw: RawLibrary
  close(): Promise<void>
}

/** Both run only what they are given: no spans of their own, and no upkeep in the middle of a round. */
const QUIET: ConstructorOptions = { openTelemetry: { enabled: false }, schedule: false, supervise: false }
const OURS = 'ours'
const THEIRS = 'theirs'

export const SUBJECTS: Readonly<Record<string, () => Promise<Subject>>> = {
  async pglite() {
    const pglite = await PGlite.create()
    const raw = await rawPgBoss({ ...QUIET, db: fromPglite(pglite), backend: 'pglite' })
    return { engine: pgBoss({ pglite, queue: OURS }), raw, close: () => pglite.close() }
  },
  async postgres() {
    const server = await startPostgres()
    const { connectionString } = server
    const raw = await rawPgBoss({ ...QUIET, connectionString })
    return { engine: pgBoss({ connectionString, queue: OURS }), raw, close: () => server.stop() }
  },
  async redis() {
    const server = await RedisServer.start()
    const engine = bullmq({ connection: server.url, queue: OURS })
    return { engine, raw: rawBullmq(server.port), close: () => server[Symbol.asyncDispose]() }
  },
}

/** `fetch` and `complete` in a loop of its own: `work` waits between its fetches, and would be an easy peer. */
async function rawPgBoss(options: ConstructorOptions): Promise<RawLibrary> {
  const boss = new PgBoss(options)
  await boss.start()
  await boss.createQueue(THEIRS)
  let added = Promise.withResolvers<void>()
  const closing = new AbortController()
  const loop = async (handler: () => Promise<void>, batchSize: number): Promise<void> => {
    while (!closing.signal.aborted) {
      const jobs = await boss.fetch(THEIRS, { batchSize })
      if (jobs.length === 0) {
        await added.promise
        added = Promise.withResolvers<void>()
        continue
      }
      await Promise.all(jobs.map(handler))
      await boss.complete(THEIRS, jobs)
    }
  }
  let looping: Promise<void> | undefined
  return {
    async add(inputs) {
      await boss.insert(
        THEIRS,
        inputs.map((data) => ({ data })),
      )
      added.resolve()
    },
    work: (handler, concurrency) => Promise.resolve(void (looping = loop(handler, concurrency))),
    async close() {
      closing.abort()
      added.resolve()
      await looping
      await boss.stop({ graceful: false })
    },
  }
}

function rawBullmq(port: number): RawLibrary {
  const connect = () => new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
  const connections = [connect(), connect()] as const
  const queue = new Queue(THEIRS, { connection: connections[0] })
  let worker: Worker | undefined
  return {
    async add(inputs) {
      await queue.addBulk(inputs.map((data) => ({ name: 'task', data, opts: { removeOnComplete: true } })))
    },
    async work(handler, concurrency) {
      worker = new Worker(THEIRS, handler, { connection: connections[1], concurrency })
      await worker.waitUntilReady()
    },
    async close() {
      await worker?.close()
      await queue.close()
      for (const connection of connections) connection.disconnect()
    },
  }
}

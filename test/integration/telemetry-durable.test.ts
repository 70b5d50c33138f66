import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { PGlite } from '@electric-sql/pglite'
import type { Engine } from 'koa-afterglow'
import { bullmq } from 'koa-afterglow/bullmq'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { telemetryConformance } from 'koa-afterglow/testing'
import { newId } from '../../src/testing/engine-conformance/bench.ts'
import { startPostgres, type PostgresServer } from '../support/postgres.ts'
import { describeWithRedis, RedisServer } from '../support/redis.ts'
import { telemetrySubject } from '../support/telemetry-subject.ts'

jest.setTimeout(60_000)

/** The contract on an engine of which each case gets one with a queue of its own. */
function keepsTheContract(make: (queue: string) => Engine): void {
  const subject = telemetrySubject(() => make(`q${newId()}`.slice(0, 30)), { durable: true, sdk: 'SDK 3' })
  test.each(telemetryConformance(subject))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
}

describe('pgBoss() on PGlite keeps the telemetry contract:', () => {
  const pglite = new PGlite()
  beforeAll(() => pglite.waitReady)
  afterAll(() => pglite.close())

  keepsTheContract((queue) => pgBoss({ pglite, queue, pollMs: 50 }))
})

describe('pgBoss() on PostgreSQL keeps the telemetry contract:', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  keepsTheContract((queue) => pgBoss({ connectionString: server.connectionString, queue, pollMs: 50 }))
})

describeWithRedis(describe, import.meta.filename)('bullmq() keeps the telemetry contract:', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  keepsTheContract((queue) => bullmq({ connection: redis.url, queue }))
})

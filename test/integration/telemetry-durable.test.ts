import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { PGlite } from '@electric-sql/pglite'
import Koa from 'koa'
import { createTasks, type Engine, type Tasks } from 'koa-afterglow'
import { bullmq } from 'koa-afterglow/bullmq'
import { pgBoss } from 'koa-afterglow/pg-boss'
import { telemetryConformance, type TelemetrySubject } from 'koa-afterglow/testing'
import { newId } from '../../src/testing/engine-conformance/bench.ts'
import { describeWithRedis, RedisServer } from '../support/redis.ts'
import { instrumented, SDKS, served } from '../support/telemetry.ts'

jest.setTimeout(60_000)

/** The contract on an engine of which each case gets one with a queue of its own. */
const subject = (make: () => Engine): TelemetrySubject => ({
  durable: true,
  startSdk: () => {
    const sdk = SDKS['SDK 3']()
    return { spans: sdk.spans, collect: sdk.collect, stop: () => sdk[Symbol.asyncDispose]() }
  },
  makeTasks: (options) => createTasks({ ...options, engines: { default: make() } }),
  serve: async (tasks, handle) => {
    const app = new Koa()
    app.use((tasks as Tasks).middleware()).use((ctx) => {
      handle(ctx.tasks.add)
      ctx.body = 'ok'
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(instrumented(app.callback()))
    await server.get()
  },
})

describe('pgBoss() on PGlite keeps the telemetry contract:', () => {
  const pglite = new PGlite()
  beforeAll(() => pglite.waitReady)
  afterAll(() => pglite.close())

  test.each(telemetryConformance(subject(() => pgBoss({ pglite, queue: `q${newId()}`.slice(0, 30), pollMs: 50 }))))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined()
    },
  )
})

describeWithRedis(describe, import.meta.filename)('bullmq() keeps the telemetry contract:', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test.each(telemetryConformance(subject(() => bullmq({ connection: redis.url, queue: `q${newId()}` }))))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined()
    },
  )
})

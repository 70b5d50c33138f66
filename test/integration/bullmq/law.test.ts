// The law of engines on Redis.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { Engine } from 'koa-afterglow'
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import { engineConformance } from 'koa-afterglow/testing'
import { loseClaim } from '../../support/bullmq.ts'
import { killOnceReady } from '../../support/kill.ts'
import { describeWithRedis, RedisServer } from '../../support/redis.ts'
import { tcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

jest.setTimeout(30_000)

let redis: RedisServer
let wire: TcpProxy
const made: Engine[] = []

// The cases are named before there is a server.
const optionsOf = (store: string): BullmqOptions => ({
  connection: `redis://127.0.0.1:${wire?.port ?? 1}`,
  queue: `q${store}`,
  // The least there is, since cases wait for a claim to be lost.
  claimTimeoutMs: 1_000,
  commandTimeoutMs: 1_000,
})

async function cutOff(): Promise<() => Promise<void>> {
  wire.cut()
  const engine = made.at(-1)
  return async () => {
    wire.heal()
    const isBack = async (): Promise<boolean> => {
      try {
        await engine?.stats()
        return true
      } catch {
        return false
      }
    }
    while (!(await isBack())) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const cases = engineConformance({
  make(store) {
    const engine = bullmq(optionsOf(store))
    made.push(engine)
    return engine
  },
  cutOff,
  loseClaim: (store, id) => loseClaim(redis, `q${store}.task`, id),
  crash: (store, plan) =>
    killOnceReady('engine-crash-child.ts', 'bullmq', JSON.stringify(optionsOf(store)), JSON.stringify(plan)),
})

describeWithRedis(describe, import.meta.filename)('bullmq() keeps the law of engines: it', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
    wire = await tcpProxy(redis.port)
  })
  afterAll(async () => {
    await wire.close()
    await redis[Symbol.asyncDispose]()
  })

  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

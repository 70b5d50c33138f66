// The law of engines on Redis.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import { engineConformance, type CrashPlan } from 'koa-afterglow/testing'
import { describeWithRedis, RedisServer } from '../support/redis.ts'

jest.setTimeout(30_000)

let redis: RedisServer
const optionsOf = (store: string): BullmqOptions => ({
  connection: redis?.url ?? 'redis://unused',
  queue: `q${store}`,
  // The least there is, since a case waits for the claim of a process that was killed.
  claimTimeoutMs: 1_000,
})

/** `kill -9`: the child gets to clean up nothing, not its claims either. */
async function crash(store: string, plan: CrashPlan): Promise<void> {
  const script = join(import.meta.dirname, '../support/bullmq-crash-child.ts')
  const args = ['--conditions=koa-afterglow-source', script, JSON.stringify(optionsOf(store)), JSON.stringify(plan)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && child.kill('SIGKILL'))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (signal !== 'SIGKILL') throw new Error(`it was not killed, but ended with ${code ?? signal}`)
}

const cases = engineConformance({ make: (store) => bullmq(optionsOf(store)), crash })

describeWithRedis(describe, import.meta.filename)('bullmq() keeps the law of engines: it', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

// `npm run kills`, short: what producers and workers that are killed at random moments leave behind.
import { describe, expect, jest, test } from '@jest/globals'
import { killAtRandom } from '../../bench/kills/harness.ts'
import { describeWithRedis } from '../support/redis.ts'

// Most of it is opening stores again, and waiting out the claims of the last that were killed.
jest.setTimeout(300_000)

const rule = 'loses nothing acknowledged, and repeats only what was in flight'

async function afterFiveKills(engine: string) {
  const { acknowledged, lost, unexplained } = await killAtRandom({ engine, kills: 5, claimTimeoutMs: 10_000 })
  return { any: acknowledged > 0, lost, unexplained }
}
const GOOD = { any: true, lost: [], unexplained: [] }

describe('kill -9 of processes with pgBoss()', () => {
  test.each(['pglite', 'postgres'])(`on %s ${rule}`, async (engine) => {
    expect(await afterFiveKills(engine)).toEqual(GOOD)
  })
})

describeWithRedis(describe, import.meta.filename)('kill -9 of processes with bullmq()', () => {
  test(`on Redis ${rule}`, async () => {
    expect(await afterFiveKills('redis')).toEqual(GOOD)
  })
})

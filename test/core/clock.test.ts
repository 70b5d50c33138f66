import { expect, jest, test } from '@jest/globals'
import { createTasks, defineTask } from 'koa-afterglow'
import { memoryEngine, MemoryStore } from 'koa-afterglow/testing'
import { systemClock } from '../../src/core/clock.ts'

const HOUR_MS = 3_600_000

test('what is stored carries the time of the wall, also after that was set or the machine slept', async () => {
  const before = systemClock.origin
  expect(systemClock.origin).toBe(before)
  const realNow = Date.now
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + HOUR_MS)
  const store = new MemoryStore()
  await using tasks = createTasks({ logger: false, engines: { durable: memoryEngine({ store }) } })
  await tasks.start({ consume: false })
  const later = defineTask({ name: 'later', engine: 'durable', run: () => 1 })
  await tasks.add(later, undefined, { delayMs: 60_000 }).accepted
  expect(store.nextDue(store.now) - Date.now()).toBeGreaterThan(59_000)
  expect(systemClock.origin - before).toBeGreaterThan(HOUR_MS - 1_000)
})

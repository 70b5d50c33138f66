import { describe, expect, test } from '@jest/globals'
import { createTasks } from 'koa-afterglow'
import { seeing } from '../support/runner.ts'

/** Keeps the event loop until the clock says so; that it blocks is the point. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

function watched() {
  const seen = seeing()
  const tasks = createTasks({ logger: false, limits: { blockWarnMs: 20 } }).observe(seen)
  const blocked = () => seen.events.flatMap((event) => (event.type === 'blocked' ? [event] : []))
  return { tasks, blocked }
}

describe('a blocked event loop', () => {
  test('is put on the task that blocked it before its first await, by name and alone', async () => {
    const { tasks, blocked } = watched()
    tasks.add('neighbour', () => new Promise((resolve) => setTimeout(resolve, 60)))
    tasks.add('hog', async () => block(50))
    await tasks.idle()
    expect(blocked()).toMatchObject([{ record: { name: 'hog' }, candidates: [{ name: 'hog' }] }])
    expect(blocked()[0]?.blockedMs).toBeGreaterThanOrEqual(50)
  })

  test('is put on those that were running when it happened later', async () => {
    const { tasks, blocked } = watched()
    const noticed = Promise.withResolvers<void>()
    tasks.add('sneaky', async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      block(100)
      await noticed.promise
    })
    tasks.add('innocent', () => noticed.promise)
    while (blocked().length === 0) await new Promise((resolve) => setImmediate(resolve))
    noticed.resolve()
    await tasks.idle()
    expect(blocked()).toHaveLength(1)
    expect(blocked()[0]).not.toHaveProperty('record')
    expect(blocked()[0]?.candidates.map(({ name }) => name)).toEqual(['sneaky', 'innocent'])
  })
})

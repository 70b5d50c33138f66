import { expect, test } from '@jest/globals'
import { createTasks } from 'koa-afterglow'

const SPIN_MS = 3

function spin(): void {
  const until = performance.now() + SPIN_MS
  while (performance.now() < until);
}

test('rule 12: a turn of the event loop starts only so many tasks, so that others get theirs in between', async () => {
  await using tasks = createTasks({ logger: false, limits: { blockWarnMs: 1_000 } })
  let turns = 0
  let counting = true
  const count = () => {
    turns++
    if (counting) setImmediate(count)
  }
  setImmediate(count)
  const startedIn: number[] = []
  for (let n = 0; n < 12; n++)
    tasks.add('spin', () => {
      startedIn.push(turns)
      spin()
    })
  await tasks.idle()
  counting = false
  // Each of them takes longer than a turn may.
  expect(new Set(startedIn).size).toBe(12)
})

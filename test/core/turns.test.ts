import { describe, expect, test } from '@jest/globals'
import { createTasks, inProcess } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'

function twoEngines(concurrency: number) {
  const clock = manualClock()
  const engines = { default: inProcess({ clock }), other: inProcess({ clock }) }
  const started: string[] = []
  const tasks = createTasks({ logger: false, engines, limits: { concurrency } })
  const add = (name: string, engine: string, run = () => Promise.resolve()) =>
    tasks.add(name, () => (started.push(name), run()), { override: { engine } })
  return { clock, tasks, started, add }
}

describe('engines of one runner share its slots', () => {
  test('a busy engine does not keep another from starting', async () => {
    const { clock, started, add } = twoEngines(1)
    for (let n = 0; n < 6; n++) add('a', 'default')
    for (let n = 0; n < 3; n++) add('b', 'other')
    await clock.settle()
    expect(started.toSorted()).toEqual(Array.from('aaaaaabbb'))
    expect(started.slice(0, 6).filter((name) => name === 'b').length).toBeGreaterThanOrEqual(2)
  })

  test('one that waited and wants nothing any more holds nobody up', async () => {
    const { clock, tasks, started, add } = twoEngines(1)
    const first = Promise.withResolvers<undefined>()
    add('a', 'default', () => first.promise)
    await clock.settle()
    const unwanted = add('b', 'other')
    await clock.settle()
    unwanted.cancel()
    for (let n = 0; n < 3; n++) add('a', 'default')
    first.resolve(undefined)
    await clock.settle()
    expect(started).toEqual(['a', 'a', 'a', 'a'])
    expect(tasks.stats().inFlight.queued).toBe(0)
  })
})

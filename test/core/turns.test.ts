import { describe, expect, test } from '@jest/globals'
import { createTasks, defineTask, inProcess } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'
import { durableTasks } from '../support/durable.ts'

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

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

  test('one that has to fetch its tasks gets its turn beside one that never runs out of them', async () => {
    const { tasks, clock, store } = durableTasks({ limits: { concurrency: 1 } })
    const stored = defineTask({ name: 'stored', engine: 'durable', run: () => void order.push('stored') })
    const order: string[] = []
    // Many turns, in each of which the other engine could take the slot.
    store.before = (operation) => (operation === 'fetch' ? turns(20) : undefined)
    tasks.add(stored)
    for (let count = 0; count < 200; count++) tasks.add('local', async () => void order.push('local'))
    while (order.length < 201) await clock.settle()
    expect(order.indexOf('stored')).toBeLessThan(20)
  })

  test('a fetch that brings nothing gives the slot back', async () => {
    const { tasks, clock, store } = durableTasks({ limits: { concurrency: 1 } })
    store.before = (operation) => (operation === 'fetch' ? turns(5) : undefined)
    const first = Promise.withResolvers<undefined>()
    tasks.add('local', () => first.promise)
    await clock.settle()
    tasks.add(defineTask({ name: 'stored', engine: 'durable', run: () => 1 })).cancel()
    tasks.add('local', () => 1)
    first.resolve(undefined)
    await clock.settle()
    expect(tasks.stats().inFlight).toMatchObject({ queued: 0, running: 0 })
  })
})

import { describe, expect, test } from '@jest/globals'
import { defineTask } from 'koa-afterglow'
import { gate, manualTasks, missing, thrownBy } from '../support/runner.ts'

describe('concurrency of one task', () => {
  test('a hung task fills only its own slots, and others start past any number of it that wait', async () => {
    const { tasks, clock, seen } = manualTasks({ concurrency: 4 })
    const hung = gate()
    const mail = defineTask({ name: 'mail', concurrency: 2, run: () => hung.promise })
    for (let n = 0; n < 100; n++) tasks.add(mail)
    tasks.add('other', () => 1)
    await clock.settle()
    expect(seen.attempts.map(({ name }) => name)).toEqual(['other'])
    expect(tasks.stats().inFlight).toMatchObject({ running: 2, queued: 98 })
    hung.resolve()
    await clock.settle()
    expect(tasks.stats().outcomes.completed).toBe(101)
  })

  test('a hung task that may not pile up uses up its own maxPending, and not the runner', async () => {
    const { tasks, clock, seen } = manualTasks({ limits: { maxPending: 5 } })
    const hung = gate()
    const mail = defineTask({ name: 'mail', concurrency: 1, maxPending: 3, run: () => hung.promise })
    const extra = defineTask({ name: 'extra', maxPending: 1, onOverload: 'drop', run: () => hung.promise })
    for (let n = 0; n < 3; n++) tasks.add(mail)
    expect(thrownBy(() => tasks.add(mail))).toMatchObject({
      code: 'ERR_AFTERGLOW_OVERLOADED',
      status: 503,
      message: "task 'mail': 3 of it are waiting or running (its maxPending)",
    })
    tasks.add(extra)
    expect(await tasks.add(extra).accepted).toMatchObject({ accepted: false })
    tasks.add('other', () => 1)
    await clock.settle()
    expect(seen.attempts.map(({ name }) => name)).toEqual(['other'])
    expect(tasks.stats().submissions).toMatchObject({ accepted: 5, rejected: 2 })
    hung.resolve()
    await clock.settle()
    tasks.add(mail)
    await clock.settle()
    expect(tasks.stats().outcomes.completed).toBe(6)
    expect(missing(tasks)).toBe(0)
  })

  test('keeps the order of that task', async () => {
    const { tasks, clock } = manualTasks()
    const order: number[] = []
    const one = defineTask({
      name: 'one',
      concurrency: 1,
      run: async (n: number) => {
        order.push(n)
        await new Promise((resolve) => setImmediate(resolve))
      },
    })
    for (let n = 0; n < 5; n++) tasks.add(one, n)
    for (let turn = 0; turn < 20; turn++) await clock.settle()
    expect(order).toEqual([0, 1, 2, 3, 4])
  })
})

describe('rate limit', () => {
  test('at most max start within any perMs, the rest as soon as they may', async () => {
    const { tasks, clock } = manualTasks()
    const starts: number[] = []
    const call = defineTask({
      name: 'call',
      rateLimit: { max: 2, perMs: 100 },
      run: () => void starts.push(clock.now()),
    })
    for (let n = 0; n < 5; n++) tasks.add(call)
    await clock.advance(50)
    expect(starts).toEqual([0, 0])
    await clock.advance(250)
    expect(starts).toEqual([0, 0, 100, 100, 200])
  })

  test('is checked where it is written', () => {
    expect(() => defineTask({ name: 'a', rateLimit: { max: 0, perMs: 1 }, run: () => 1 })).toThrow('expected `max`')
    expect(() => defineTask({ name: 'a', concurrency: 0, run: () => 1 })).toThrow('expected `concurrency`')
  })
})

describe('pause', () => {
  test('starts no more of a task until it is resumed; others and what runs go on', async () => {
    const { tasks, clock, seen } = manualTasks()
    const work = gate()
    const mail = defineTask({ name: 'mail', run: () => work.promise })
    tasks.add(mail)
    await clock.settle()
    tasks.pause('mail')
    tasks.add(mail)
    tasks.add('other', () => 1)
    work.resolve()
    await clock.settle()
    expect(seen.attempts.map(({ name }) => name).toSorted()).toEqual(['mail', 'other'])
    expect(tasks.stats().inFlight).toMatchObject({ queued: 1 })
    tasks.resume('mail')
    await clock.settle()
    expect(tasks.stats().outcomes.completed).toBe(3)
  })

  test('a paused task can be cancelled and interrupted', async () => {
    const { tasks, clock } = manualTasks()
    const mail = defineTask({ name: 'mail', run: () => 1 })
    tasks.register(mail).pause('mail')
    const [first, second] = [tasks.add(mail), tasks.add(mail)]
    await clock.settle()
    first.cancel()
    const closing = tasks.close({ deadlineMs: 10 })
    await clock.advance(10)
    await closing
    expect(await first.settled).toMatchObject({ outcome: 'cancelled' })
    expect(await second.settled).toMatchObject({ outcome: 'interrupted' })
    expect(missing(tasks)).toBe(0)
  })

  test('of a name that is not known is refused', () => {
    expect(() => manualTasks().tasks.pause('mial')).toThrow("there is no task 'mial'")
  })
})

describe('priority', () => {
  test('high goes first, and neither normal nor low starves', async () => {
    const { tasks, clock } = manualTasks({ concurrency: 1 })
    const order: string[] = []
    for (const priority of ['low', 'normal', 'high'] as const)
      for (let n = 0; n < 7; n++) tasks.add(priority, () => void order.push(priority[0] ?? ''), { priority })
    await clock.settle()
    expect(order.join('')).toBe('hhnhlhnhhnhlnnnnlllll'.slice(0, order.length))
  })

  test('holds also against tasks that were set aside: those of a resumed task come neither all before nor all after', async () => {
    const { tasks, clock } = manualTasks({ concurrency: 1 })
    const order: string[] = []
    const bulk = defineTask({ name: 'bulk', run: () => void order.push('l') })
    tasks.register(bulk).pause('bulk')
    for (let n = 0; n < 20; n++) tasks.add(bulk, undefined, { priority: 'low' })
    await clock.settle()
    for (let n = 0; n < 20; n++) tasks.add('urgent', () => void order.push('h'), { priority: 'high' })
    tasks.resume('bulk')
    await clock.settle()
    expect(order).toHaveLength(40)
    const firstHalf = order.slice(0, 20).join('')
    expect(firstHalf.replaceAll('l', '').length).toBeGreaterThanOrEqual(14)
    expect(firstHalf).toContain('l')
  })
})

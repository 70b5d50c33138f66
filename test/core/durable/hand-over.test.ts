import { describe, expect, test } from '@jest/globals'
import { defineTask, TasksNotStoredError } from 'koa-afterglow'
import { MemoryTransaction } from 'koa-afterglow/testing'
import { durableTasks, outcomesOf, resultsOf } from '../../support/durable.ts'
import { missing } from '../../support/runner.ts'

const ran: unknown[] = []
const note = defineTask({ name: 'note', engine: 'durable', run: (input: unknown) => void ran.push(input) })

describe('a task of a durable engine', () => {
  test('is accepted once it is stored, and ends here as handed over', async () => {
    const { tasks, clock, seen } = durableTasks()
    await tasks.start({ consume: false })
    const handle = tasks.add(note, { to: 'ada' })
    expect(tasks.stats().submissions.accepted).toBe(0)
    await clock.settle()
    expect(await handle.accepted).toEqual({ accepted: true })
    expect(await handle.settled).toEqual({ outcome: 'handed_over', engine: 'memory', attempts: 0 })
    expect(resultsOf(seen)).toEqual(['note accepted'])
    expect(missing(tasks)).toBe(0)
  })

  test('is fetched and run by whoever works, and counted by both', async () => {
    ran.length = 0
    const adds = durableTasks()
    const works = durableTasks({ on: adds, register: [note] })
    await adds.tasks.start({ consume: false })
    await works.tasks.start()
    adds.tasks.add(note, { to: 'ada' })
    await adds.clock.settle()
    expect(ran).toEqual([{ to: 'ada' }])
    expect(outcomesOf(adds.seen)).toEqual(['note handed_over'])
    expect(resultsOf(works.seen)).toEqual(['note fetched'])
    expect(outcomesOf(works.seen)).toEqual(['note completed'])
    expect([missing(adds.tasks), missing(works.tasks)]).toEqual([0, 0])
  })

  test('that is stored in a process that works runs in it, without another word', async () => {
    ran.length = 0
    const { tasks, clock, seen } = durableTasks()
    tasks.add(note, 1)
    await clock.settle()
    expect(ran).toEqual([1])
    // Which of the two is first depends on the store.
    expect(outcomesOf(seen).toSorted()).toEqual(['note completed', 'note handed_over'])
    expect(missing(tasks)).toBe(0)
  })

  test('is rejected if its store is away for longer than persistTimeoutMs, and the caller learns why', async () => {
    const { tasks, clock, seen, store } = durableTasks()
    await tasks.start({ consume: false })
    store.before = (operation) => {
      if (operation === 'enqueue') throw new Error('connection refused')
    }
    const handle = tasks.add(note, 1)
    await clock.advance(2_000)
    const accepted = await handle.accepted
    expect(accepted).toMatchObject({ accepted: false, error: { code: 'ERR_AFTERGLOW_NOT_STORED', status: 503 } })
    expect(!accepted.accepted && (accepted.error.cause as Error).message).toBe('connection refused')
    expect(resultsOf(seen)).toEqual(['note rejected'])
    expect(missing(tasks)).toBe(0)
  })

  test('is stored once a store that was away is back within the time', async () => {
    const { tasks, clock, store, seen } = durableTasks()
    await tasks.start({ consume: false })
    let tries = 0
    store.before = (operation) => {
      if (operation === 'enqueue' && ++tries < 3) throw new Error('connection refused')
    }
    const handle = tasks.add(note, 1)
    await clock.advance(1_000)
    expect(await handle.accepted).toEqual({ accepted: true })
    expect([tries, ...resultsOf(seen)]).toEqual([3, 'note accepted'])
  })

  test('whose acknowledgement was lost is stored once: its id was made before', async () => {
    ran.length = 0
    const { tasks, clock, store, seen } = durableTasks()
    let lost = false
    store.after = (operation) => {
      if (operation !== 'enqueue' || lost) return
      lost = true
      throw new Error('connection reset')
    }
    const handle = tasks.add(note, 1)
    await clock.advance(1_000)
    expect(await handle.accepted).toEqual({ accepted: true })
    expect(ran).toEqual([1])
    expect(outcomesOf(seen)).toEqual(['note completed', 'note handed_over'])
    expect(missing(tasks)).toBe(0)
  })

  test('is rejected by a store that does not answer in time, and may run all the same', async () => {
    ran.length = 0
    const { tasks, clock, store } = durableTasks({ limits: { persistTimeoutMs: 50 } })
    store.before = (operation) =>
      operation === 'enqueue' ? new Promise<void>((resolve) => clock.setTimer(resolve, 100)) : undefined
    const handle = tasks.add(note, 1)
    await clock.advance(50)
    const accepted = await handle.accepted
    expect(!accepted.accepted && accepted.error).toBeInstanceOf(TasksNotStoredError)
    expect(ran).toEqual([])
    await clock.advance(50)
    expect(ran).toEqual([1])
    expect(missing(tasks)).toBe(0)
  })

  test('fails fast while its store is known to fail, and is stored again once it is back', async () => {
    const { tasks, clock, store } = durableTasks()
    await tasks.start({ consume: false })
    let down = true
    let tries = 0
    store.before = (operation) => {
      if (operation === 'enqueue') tries++
      if (operation === 'enqueue' && down) throw new Error('connection refused')
    }
    tasks.add(note, 1)
    await clock.advance(2_000)
    tries = 0
    const second = tasks.add(note, 2)
    await clock.settle()
    expect(await second.accepted).toMatchObject({ accepted: false })
    expect(tries).toBe(1)
    down = false
    const third = tasks.add(note, 3)
    await clock.settle()
    expect(await third.accepted).toEqual({ accepted: true })
  })

  test('what is added in one go is stored in one batch', async () => {
    const { tasks, clock, store } = durableTasks()
    await tasks.start({ consume: false })
    let batches = 0
    store.before = (operation) => void (operation === 'enqueue' && batches++)
    for (let index = 0; index < 100; index++) tasks.add(note, index)
    await clock.settle()
    expect([batches, tasks.stats().submissions.accepted]).toEqual([1, 100])
  })
})

describe("a transaction of the caller's", () => {
  test('has the task if it commits, and has not if it does not', async () => {
    ran.length = 0
    const { tasks, clock, store } = durableTasks()
    const [kept, undone] = [new MemoryTransaction(store), new MemoryTransaction(store)]
    const one = tasks.add(note, 'kept', { transaction: kept })
    const other = tasks.add(note, 'undone', { transaction: undone })
    await clock.settle()
    expect([await one.accepted, await other.accepted]).toEqual([{ accepted: true }, { accepted: true }])
    expect(ran).toEqual([])
    kept.commit()
    undone.rollback()
    await clock.settle()
    expect(ran).toEqual(['kept'])
  })

  test('is refused by an engine that cannot store in one', () => {
    const { tasks } = durableTasks()
    const local = defineTask({ name: 'local', run: () => 1 })
    expect(() => tasks.add(local, undefined, { transaction: {} })).toThrow(/engine 'in_process' has no `transaction`/)
  })
})

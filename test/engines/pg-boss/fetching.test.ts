import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { AsyncLocalStorage } from 'node:async_hooks'
import { again, BEAT_MS, bench, claimedTask } from './bench.ts'

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }))
afterEach(() => void jest.useRealTimers())

const settled = () => jest.advanceTimersByTimeAsync(0)
const PAUSE_MS = 250

test('a task whose claim was lost is not run a second time while its run goes on here', async () => {
  const { store, claims, host, fetching, told } = bench()
  const task = claimedTask()
  store.brings([task])
  const loop = fetching()
  await settled()
  store.touch = () => Promise.resolve(new Set())
  await jest.advanceTimersByTimeAsync(BEAT_MS)
  expect(told()).toEqual(['claim_lost'])
  store.brings([again(task)])
  loop.wake()
  await settled()
  expect(host.runs).toHaveLength(1)
  expect(store.putBacks).toEqual([{ ids: [task.claim.id], afterMs: 1_000 }])
  host.end(task.envelope)
  expect(store.completed).toEqual([])
  store.brings([again(task, 1)])
  loop.wake()
  await settled()
  expect(host.runs.map(({ lostClaims }) => lostClaims)).toEqual([0, 0])
  host.end(task.envelope)
  await claims.untilNone()
  expect(store.completed).toEqual([task.claim.id])
  await loop.stop()
  claims.giveUp()
})

test('that holds also of one that came back while it might not start, and could not be put back at once', async () => {
  const { store, claims, host, fetching, told } = bench()
  const task = claimedTask()
  store.brings([task])
  const loop = fetching()
  await settled()
  store.brings([again(task, 1)], () => host.closed.add('task'))
  store.refusals = 1
  loop.wake()
  await settled()
  expect(told()).toEqual(['claim_lost'])
  await claims.untilNone()
  host.closed.clear()
  store.brings([again(task, 2)])
  await jest.advanceTimersByTimeAsync(PAUSE_MS)
  expect(host.runs).toHaveLength(1)
  expect(store.putBacks.map(({ afterMs }) => afterMs)).toEqual([0, 1_000])
  await loop.stop()
  claims.giveUp()
})

test.each(['held', 'over'] as const)(
  'what could not be put back is kept alive until it is; what became of the first try is asked: %s',
  async (fate) => {
    const { store, claims, host, fetching, told, errors } = bench()
    const tasks = [claimedTask(), claimedTask()]
    store.refusals = 1
    store.fateOf = () => Promise.resolve(fate)
    store.brings(tasks, () => host.closed.add('task'))
    const loop = fetching()
    await settled()
    expect(errors).toHaveLength(1)
    const touched = jest.spyOn(store, 'touch')
    // The pause until the next try is of a module whose timers are not turned by hand.
    await jest.advanceTimersByTimeAsync(BEAT_MS)
    expect(touched.mock.calls).toEqual([[tasks.map(({ claim }) => claim)]])
    await claims.untilNone()
    expect(store.putBacks.flatMap(({ ids }) => ids)).toEqual(fate === 'held' ? tasks.map(({ claim }) => claim.id) : [])
    expect([host.runs, told()]).toEqual([[], []])
    await loop.stop()
    claims.giveUp()
  },
)

test('wakes that come during a pause are made up for at its end', async () => {
  const { store, host, fetching, errors } = bench()
  store.fetch = () => Promise.reject(new Error('cut off'))
  const loop = fetching()
  await settled()
  expect(errors).toHaveLength(1)
  store.brings([claimedTask()])
  loop.wake()
  await jest.advanceTimersByTimeAsync(PAUSE_MS - 1)
  expect(host.runs).toEqual([])
  await jest.advanceTimersByTimeAsync(1)
  expect(host.runs).toHaveLength(1)
  await loop.stop()
})

test('the end of the loop ends its pause', async () => {
  const { store, fetching } = bench()
  store.fetch = () => Promise.reject(new Error('cut off'))
  const loop = fetching()
  await settled()
  await loop.stop()
  expect(jest.getTimerCount()).toBe(0)
})

test('it looks, pauses and starts tasks in no context of whoever woke it', async () => {
  const { store, host, fetching } = bench()
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const see = () => seen.push(context.getStore())
  const { setTimeout: real } = globalThis
  const timers = jest.spyOn(globalThis, 'setTimeout').mockImplementation(((...args: Parameters<typeof real>) => {
    see()
    return real(...args)
  }) as never)
  store.fetch = () => Promise.reject(new Error('cut off'))
  const intervals = jest.spyOn(globalThis, 'setInterval').mockImplementation((() => void see()) as never)
  const loop = context.run('the start', fetching)
  await new Promise(setImmediate)
  expect([timers.mock.calls.length, intervals.mock.calls.length]).toEqual([1, 1])
  store.brings([claimedTask()], see)
  await jest.advanceTimersByTimeAsync(PAUSE_MS)
  store.brings([claimedTask()], see)
  context.run('a request', () => loop.wake())
  await new Promise(setImmediate)
  expect(host.runs).toHaveLength(2)
  expect(new Set(seen)).toEqual(new Set([undefined]))
  await loop.stop()
  jest.clearAllTimers()
})

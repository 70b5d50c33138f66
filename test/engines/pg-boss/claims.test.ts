import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { AsyncLocalStorage } from 'node:async_hooks'
import { completed } from '../../../src/testing/engine-conformance/bench.ts'
import { again, BEAT_MS, bench, claimedTask } from './bench.ts'

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }))
afterEach(() => void jest.useRealTimers())

const none = () => Promise.resolve(new Set<string>())
const endOf = ({ envelope }: ReturnType<typeof claimedTask>) => ({ envelope, ending: completed, dead: undefined })

test('what a run ends with whose claim was lost is nobody’s end, also when its task is claimed here again', async () => {
  const { store, claims, told } = bench()
  const task = claimedTask()
  claims.hold(task)
  store.touch = none
  await jest.advanceTimersByTimeAsync(BEAT_MS)
  expect(told()).toEqual(['claim_lost'])
  expect(claims.isOrphan(again(task))).toBe(true)
  claims.giveBackOrphan(again(task))
  claims.end(endOf(task))
  await claims.untilNone()
  expect(store.completed).toEqual([])
  expect(store.putBacks).toEqual([{ ids: [task.claim.id], afterMs: 1_000 }])
  expect(claims.isOrphan(again(task, 1))).toBe(false)
  claims.hold(again(task, 1))
  claims.end(endOf(task))
  await claims.untilNone()
  expect(store.completed).toEqual([task.claim.id])
  claims.giveUp()
})

test('one that comes back before its loss was noticed goes on, or is an orphan if another worker put it back', () => {
  const { claims, told } = bench()
  const [same, anew] = [claimedTask(), claimedTask()]
  claims.hold(same)
  claims.hold(anew)
  expect(claims.adopts(again(same))).toBe(true)
  expect(claims.adopts(again(anew, 1))).toBe(false)
  expect(told()).toEqual([])
  expect(claims.isOrphan(again(anew, 1))).toBe(true)
  expect(told()).toEqual(['claim_lost'])
  claims.giveUp()
})

test('what is on its way back is not what runs here', () => {
  const { claims } = bench()
  const [runs, back] = [claimedTask(), claimedTask()]
  claims.hold(runs)
  claims.giveBackAgain(back)
  expect([runs, back].map(({ claim }) => claims.holds(claim.id))).toEqual([true, false])
  claims.giveUp()
})

test('after the last word nothing is held any more', () => {
  const { claims } = bench()
  claims.giveUp()
  claims.giveBackAgain(claimedTask())
  expect(jest.getTimerCount()).toBe(0)
})

test('a shorter claim that comes during a heartbeat has the next one sooner, and there is one chain of them', async () => {
  const { store, claims } = bench()
  const answer = Promise.withResolvers<ReadonlySet<string>>()
  const { touch } = store
  claims.hold(claimedTask())
  store.touch = () => answer.promise
  await jest.advanceTimersByTimeAsync(BEAT_MS)
  const short = claimedTask({ lastsMs: 12_000 })
  claims.hold(short)
  const beats = jest.fn(touch)
  store.touch = beats
  answer.resolve(new Set())
  await jest.advanceTimersByTimeAsync(0)
  expect(jest.getTimerCount()).toBe(1)
  await jest.advanceTimersByTimeAsync(4_000)
  expect(beats).toHaveBeenCalledTimes(1)
  claims.giveUp()
})

test('heartbeats are not of the context in which the first task was held', () => {
  const { claims } = bench()
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  jest.spyOn(globalThis, 'setTimeout').mockImplementation((() => seen.push(context.getStore())) as never)
  context.run('a request', () => claims.hold(claimedTask()))
  expect(seen).toEqual([undefined])
})

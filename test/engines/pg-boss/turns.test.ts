import { expect, test } from '@jest/globals'
import { FetchTurns } from '../../../src/engines/pg-boss/turns.ts'

test('turns are taken only while more waits than is fetched', () => {
  const turns = new FetchTurns()
  turns.fetched(10, 4, 4)
  expect(turns.ranges()).toEqual([{}])
  turns.fetched(10, 10, 10)
  const ranges = Array.from({ length: 7 }, () => turns.ranges()[0])
  expect(ranges.filter((range) => range?.maxPriority === -1)).toHaveLength(1)
  expect(ranges.filter((range) => range?.minPriority === 0 && range.maxPriority === 0)).toHaveLength(2)
})

test('a turn of what is not there is filled with what is', () => {
  const turns = new FetchTurns()
  turns.fetched(1, 1, 1)
  const all = Array.from({ length: 7 }, () => turns.ranges())
  expect(all.every((ranges) => Object.keys(ranges.at(-1) ?? { none: 1 }).length === 0)).toBe(true)
})

test('what cannot start is fetched in smaller numbers, until all of a fetch starts', () => {
  const turns = new FetchTurns()
  expect(turns.size(1_000)).toBe(100)
  turns.fetched(100, 100, 1)
  expect(turns.size(1_000)).toBe(1)
  turns.fetched(1, 1, 1)
  turns.fetched(2, 2, 2)
  expect(turns.size(1_000)).toBe(4)
  turns.fetched(4, 4, 0)
  expect(turns.size(1_000)).toBe(1)
  expect(turns.size(0)).toBe(0)
})

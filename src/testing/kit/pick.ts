import { nameOf, type Seen, type TaskQuery } from './added-task.ts'
import { TestingError } from './errors.ts'

/** Those that were accepted. */
export const pick = (seen: readonly Seen[], query: TaskQuery): readonly Seen[] =>
  seen.filter((one) => !one.rejected && one.is(query))

/** @throws TestingError unless there is exactly one */
export function pickOne(seen: readonly Seen[], query: TaskQuery): Seen {
  const all = pick(seen, query)
  const [only] = all
  if (only && all.length === 1) return only
  throw new TestingError(
    `kit.task(): expected one '${nameOf(query)}', and it was added ${times(all.length)}; ${whatWasAdded(seen)}`,
  )
}

export const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`)

export function whatWasAdded(seen: readonly Seen[]): string {
  const names = new Map<string, number>()
  for (const { name, rejected } of seen) {
    const as = rejected ? `${name} (rejected: ${rejected.message})` : name
    names.set(as, (names.get(as) ?? 0) + 1)
  }
  const list = [...names].map(([name, count]) => (count > 1 ? `${name} x${count}` : name))
  return list.length > 0 ? `added were: ${list.join(', ')}` : 'no task was added'
}

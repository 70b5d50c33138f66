import { describe, expect, test } from '@jest/globals'
import type { TaskHandle } from 'koa-afterglow'
import { gate, manualTasks, missing } from '../support/runner.ts'

const fail = () => {
  throw new Error('no')
}

describe('after', () => {
  test('a task starts only once all it comes after have ended', async () => {
    const { tasks, clock, seen } = manualTasks()
    const [a, b] = [gate(), gate()]
    const first = tasks.add('a', () => a.promise)
    const second = tasks.add('b', () => b.promise)
    tasks.add('c', () => 1, { after: [first, second] })
    await clock.settle()
    expect(tasks.stats().inFlight).toMatchObject({ running: 2, blocked: 1 })
    a.resolve()
    await clock.settle()
    expect(seen.attempts.map(({ name }) => name)).toEqual(['a'])
    b.resolve()
    await clock.settle()
    expect(seen.attempts.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('what fails skips its dependents and theirs, and nobody else', async () => {
    const { tasks, clock } = manualTasks()
    const bad = tasks.add('bad', fail)
    const child = tasks.add('child', () => 1, { after: [bad] })
    const grandchild = tasks.add('grandchild', () => 1, { after: [child] })
    const sibling = tasks.add('sibling', () => 1)
    await clock.settle()
    expect(await child.settled).toMatchObject({
      outcome: 'skipped',
      attempts: 0,
      reason: expect.stringContaining("'bad'"),
    })
    expect(await grandchild.settled).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining("'child'") })
    expect(await sibling.settled).toMatchObject({ outcome: 'completed' })
    expect(missing(tasks)).toBe(0)
  })

  test("onDependencyFailure 'run' runs in any case, once all have ended", async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    const bad = tasks.add('bad', fail)
    const slow = tasks.add('slow', () => work.promise)
    const cleanup = tasks.add('cleanup', () => 'clean', { after: [bad, slow], onDependencyFailure: 'run' })
    await clock.settle()
    expect(tasks.stats().inFlight).toMatchObject({ blocked: 1 })
    work.resolve()
    await clock.settle()
    expect(await cleanup.settled).toMatchObject({ value: 'clean' })
  })

  test('what has already ended is looked at, not waited for', async () => {
    const { tasks, clock } = manualTasks()
    const good = tasks.add('good', () => 1)
    const bad = tasks.add('bad', fail)
    await clock.settle()
    const afterGood = tasks.add('after-good', () => 2, { after: [good] })
    const afterBad = tasks.add('after-bad', () => 3, { after: [bad] })
    await clock.settle()
    expect(await afterGood.settled).toMatchObject({ value: 2 })
    expect(await afterBad.settled).toMatchObject({ outcome: 'skipped' })
  })

  test('a cancelled or expired task never leaves a dependent waiting', async () => {
    const { tasks, clock } = manualTasks({ concurrency: 1 })
    const work = gate()
    tasks.add('busy', () => work.promise)
    const stale = tasks.add('stale', () => 1, { expiresMs: 10 })
    const later = tasks.add('later', () => 1, { delayMs: 1_000 })
    const dependents = [stale, later].map((one) => tasks.add('dependent', () => 1, { after: [one] }))
    later.cancel()
    await clock.advance(20)
    work.resolve()
    await clock.settle()
    for (const dependent of dependents) expect(await dependent.settled).toMatchObject({ outcome: 'skipped' })
    expect(missing(tasks)).toBe(0)
  })

  test('a chain of five thousand runs in order without growing the stack', async () => {
    const { tasks, clock, seen } = manualTasks()
    let last: TaskHandle | undefined
    for (let n = 0; n < 5_000; n++) last = tasks.add('link', () => n, last ? { after: [last] } : {})
    await clock.settle()
    expect(await last?.settled).toMatchObject({ value: 4_999 })
    expect(seen.attempts).toHaveLength(5_000)
  })

  test('a failure at the head of a chain of five thousand skips them all without growing the stack', async () => {
    const { tasks, clock } = manualTasks()
    let last: TaskHandle = tasks.add('head', fail)
    for (let n = 0; n < 5_000; n++) last = tasks.add('link', () => n, { after: [last] })
    await clock.settle()
    expect(await last.settled).toMatchObject({ outcome: 'skipped' })
    expect(tasks.stats().outcomes).toMatchObject({ failed: 1, skipped: 5_000 })
  })

  test('a dependent reads how those it came after ended, in their order', async () => {
    const { tasks, clock } = manualTasks()
    const good = tasks.add('good', () => 42)
    const bad = tasks.add('bad', fail)
    const sum = tasks.add(
      'sum',
      ({ dependencies }) => dependencies.map(({ name, outcome }) => ({ name, ...outcome })),
      {
        after: [good, bad],
        onDependencyFailure: 'run',
      },
    )
    await clock.settle()
    expect(await sum.settled).toMatchObject({
      value: [
        { name: 'good', outcome: 'completed', value: 42 },
        { name: 'bad', outcome: 'failed' },
      ],
    })
  })
})

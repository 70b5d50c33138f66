import { describe, expect, test } from '@jest/globals'
import type { TaskHandle } from 'koa-afterglow'
import { revokedProxy, throwingProxy } from '../support/hostile.ts'
import { gate, manualTasks, missing, thrownBy } from '../support/runner.ts'

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

describe('a cycle cannot be made', () => {
  const forged = { id: 'x', name: 'x', duplicate: false, settled: Promise.resolve(), cancel: () => undefined }

  test.each<[string, (own: TaskHandle) => unknown, string]>([
    [
      'the id of a task',
      (own) => own.id,
      'is a text, such as an id; give it what add() of this runner returned, not its id',
    ],
    ['the name of a task', () => 'mail', 'is a text'],
    ['an object that looks like a handle', () => forged, 'is no handle of a task'],
    ['a copy of a handle', (own) => ({ ...own }), 'is no handle of a task'],
    ['an object made from a handle', (own) => Object.create(own) as unknown, 'is no handle of a task'],
    ['a proxy of a handle', (own) => new Proxy(own, {}), 'is no handle of a task'],
    ['a revoked proxy', () => revokedProxy(), 'is no handle of a task'],
    ['a proxy whose traps throw', () => throwingProxy(), 'is no handle of a task'],
    [
      'the promise of its end',
      (own) => own.settled,
      'is a promise; give it what add() of this runner returned, not its `settled`',
    ],
    // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
    ['a thenable', () => ({ then: fail }), 'is no handle of a task'],
    ['nothing', () => undefined, 'is undefined: a task cannot come after itself'],
    ['null', () => null, 'is no handle of a task'],
    ['a handle of another runner', () => manualTasks().tasks.add('foreign', () => 1), 'is a handle of another runner'],
  ])('%s in `after` is refused, and the error says what to give', async (_, make, message) => {
    const { tasks, clock } = manualTasks()
    const own = tasks.add('own', () => 1)
    const error = thrownBy(() => tasks.add('dependent', () => 1, { after: [own, make(own)] as never }))
    expect(error).toMatchObject({ code: 'ERR_AFTERGLOW_INVALID_OPTION' })
    expect((error as Error).message).toContain(`add('dependent'): \`after[1]\` ${message}`)
    await clock.settle()
    expect(tasks.stats()).toMatchObject({ submissions: { accepted: 1 }, outcomes: { completed: 1 } })
    expect(missing(tasks)).toBe(0)
  })

  test('a hole in `after` is refused like nothing', () => {
    const { tasks } = manualTasks()
    const after = [tasks.add('own', () => 1)]
    after.length = 2
    expect(() => tasks.add('dependent', () => 1, { after })).toThrow('`after[1]` is undefined')
  })

  test('what is put into `after` once the task was added changes nothing', async () => {
    const { tasks, clock } = manualTasks()
    const first = tasks.add('first', () => 1)
    const after: TaskHandle[] = [first]
    const options = { after }
    const dependent = tasks.add('dependent', ({ dependencies }) => dependencies.map(({ name }) => name), options)
    after.push(dependent)
    const last = tasks.add('last', () => 1, { after: [dependent] })
    after.push(last)
    Object.assign(options, { after: [last] })
    await clock.settle()
    expect(await dependent.settled).toMatchObject({ value: ['first'] })
    expect(await last.settled).toMatchObject({ outcome: 'completed' })
    expect(missing(tasks)).toBe(0)
  })

  test('a task that adds one after itself waits for nobody: the child starts once it ended', async () => {
    const { tasks, clock } = manualTasks()
    let child: TaskHandle | undefined
    const parent = tasks.add('parent', (task) => {
      child = task.add('child', () => 2, { after: [parent] })
    })
    await clock.settle()
    expect(await parent.settled).toMatchObject({ outcome: 'completed' })
    expect(await child?.settled).toMatchObject({ value: 2 })
  })

  test('a dependent on what was refused is skipped, and says so', async () => {
    const { tasks, clock } = manualTasks({ limits: { maxPending: 1 } })
    tasks.add('first', () => 1)
    const refused = tasks.add('refused', () => 1, { override: { onOverload: 'drop' } })
    await clock.settle()
    const dependent = tasks.add('dependent', () => 1, { after: [refused] })
    expect(await dependent.settled).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('was dropped'),
    })
    expect(missing(tasks)).toBe(0)
  })
})

describe('thousands of nodes', () => {
  const COUNT = 10_000
  const many = () => manualTasks({ limits: { maxPending: 3 * COUNT } })

  test.each([
    ['completes', 1],
    ['fails', 0],
  ] as const)('a chain of ten thousand whose head %s', async (_, runs) => {
    const { tasks, clock } = many()
    let last: TaskHandle = tasks.add('head', runs ? () => 1 : fail)
    for (let n = 0; n < COUNT; n++) last = tasks.add('link', () => n, { after: [last] })
    await clock.settle()
    expect(await last.settled).toMatchObject({ outcome: runs ? 'completed' : 'skipped' })
    expect(tasks.stats().outcomes).toMatchObject(runs ? { completed: COUNT + 1 } : { failed: 1, skipped: COUNT })
    expect(missing(tasks)).toBe(0)
  })

  test('a task that comes after ten thousand, and ten thousand that come after it', async () => {
    const { tasks, clock } = many()
    const after = Array.from({ length: COUNT }, (_, n) => tasks.add('before', () => n))
    const middle = tasks.add('middle', ({ dependencies }) => dependencies.length, { after })
    const ends = Array.from({ length: COUNT }, () => tasks.add('behind', () => 1, { after: [middle] }))
    await clock.settle()
    expect(await middle.settled).toMatchObject({ value: COUNT })
    expect(await ends.at(-1)?.settled).toMatchObject({ outcome: 'completed' })
    expect(tasks.stats().outcomes.completed).toBe(2 * COUNT + 1)
  })

  test('`after` is read once, however often its tasks are looked at', async () => {
    const { tasks, clock } = many()
    let reads = 0
    const handles = Array.from({ length: 1_000 }, (_, n) => tasks.add('before', () => n))
    const list = new Proxy(handles, {
      get: (all, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++
        return Reflect.get(all, key) as unknown
      },
    })
    tasks.add('middle', () => 1, { after: list })
    await clock.settle()
    expect(reads).toBe(1_000)
    expect(tasks.stats().outcomes.completed).toBe(1_001)
  })
})

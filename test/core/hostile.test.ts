import { describe, expect, test } from '@jest/globals'
import { defineTask, type AddOptions } from 'koa-afterglow'
import { RETURNED, revokedProxy, TEN_MB, THROWN, throwingProxy } from '../support/hostile.ts'
import { manualTasks, missing, thrownBy } from '../support/runner.ts'

const fail = (): never => {
  throw new Error('hands off')
}

describe('whatever a handler gives back ends its task, once', () => {
  test.each(Object.entries(RETURNED))('%s', async (_, { make, ends }) => {
    const { tasks, clock, seen } = manualTasks({ limits: { graceMs: 10 } })
    const alone = tasks.add('alone', make)
    await clock.advance(60_000)
    expect(await alone.settled).toMatchObject(ends)
    expect(seen.events.filter(({ type }) => type === 'failure_of_our_own')).toEqual([])
    expect(missing(tasks)).toBe(0)
  })

  test.each(Object.entries(RETURNED))('%s, behind middleware', async (_, { make, ends }) => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 10 } })
    tasks.use((_task, next) => next())
    const behind = tasks.add('behind', make)
    await clock.advance(60_000)
    expect(await behind.settled).toMatchObject(ends)
    expect(missing(tasks)).toBe(0)
  })
})

describe('whatever middleware gives back or throws ends the task, once', () => {
  // An `await` does not ask a real promise for its `then`.
  const awaited = Object.entries(RETURNED).filter(([name]) => !name.startsWith('a promise whose own then'))
  test.each(awaited)('it gives back %s', async (_, { make, ends }) => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 10 } })
    tasks.use(() => make() as undefined)
    const handle = tasks.add('below', () => 1)
    await clock.advance(60_000)
    // What it gives back is no value of the task's, and without `next()` the handler never ran.
    const { outcome } = await handle.settled
    const ended = (ends as { outcome: string }).outcome
    expect(outcome).toBe(ended === 'completed' ? 'skipped' : ended)
    expect(missing(tasks)).toBe(0)
  })

  test.each(Object.entries(THROWN))('it throws %s', async (_, make) => {
    const { tasks, clock } = manualTasks()
    const thrown = make()
    tasks.use(() => {
      throw thrown
    })
    const handle = tasks.add('below', () => 1)
    await clock.settle()
    const settled = await handle.settled
    expect(settled.outcome).toBe('failed')
    const error = 'error' in settled ? settled.error : undefined
    // Itself, or as the cause of what says that it is no Error; never changed.
    expect(error === thrown || Object.is(error?.cause, thrown)).toBe(true)
    expect(missing(tasks)).toBe(0)
  })
})

describe('an input is handed on as it is, and never looked at', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  test.each<[string, unknown]>([
    ['a proxy whose traps throw', throwingProxy()],
    ['a revoked proxy', revokedProxy()],
    ['an object whose getters throw', Object.defineProperty({}, 'email', { enumerable: true, get: fail })],
    ['a circular object', circular],
    ['a BigInt', 10n],
    ['a symbol', Symbol('s')],
    ['a function', fail],
    ['prototype keys', JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2}')],
    ['ten megabytes', Buffer.alloc(TEN_MB)],
    ['null', null],
  ])('%s', async (_, input) => {
    const { tasks, clock } = manualTasks()
    let got: unknown
    const handle = tasks.add(defineTask({ name: 'takes', run: (given: unknown) => void (got = given) }), input)
    const count = (...given: readonly unknown[]) => given.length
    const named = tasks.add(count, input)
    await clock.settle()
    expect(Object.is(got, input)).toBe(true)
    expect(await handle.settled).toMatchObject({ outcome: 'completed' })
    expect(await named.settled).toMatchObject({ value: 1 })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('names and keys of every prototype are names like others', () => {
  test.each([['__proto__'], ['constructor'], ['toString'], ['hasOwnProperty'], ['_OTHER']])('%s', async (name) => {
    const { tasks, clock } = manualTasks()
    const task = defineTask({ name: `defined-${name}`, run: () => 1 })
    const handles = [tasks.add(name, () => 1, { key: name }), tasks.add(task, undefined, { key: name })]
    expect(tasks.add(name, () => 1, { key: name }).duplicate).toBe(true)
    tasks.pause(name)
    tasks.resume(name)
    await clock.settle()
    for (const handle of handles) expect(await handle.settled).toMatchObject({ value: 1 })
    expect(() => tasks.add('x', () => 1, { override: { engine: name } })).toThrow(`wants the engine '${name}'`)
    expect(() => tasks.add('x', () => 1, JSON.parse(`{"${name}":1}`) as AddOptions)).toThrow(`no option '${name}'`)
  })

  test.each([['a\u0000b'], ['a\u0085b'], ['a\u2028b'], ['a\u202eb'], ['a\u2066b']])(
    'the name %j is refused',
    (name) => {
      const { tasks } = manualTasks()
      expect(() => tasks.add(name, () => 1)).toThrow('a name without control characters')
    },
  )

  test.each<[string, unknown]>([
    ['a number', { value: 5 }],
    ['a getter that throws', { get: fail }],
    ['undefined', { value: undefined }],
  ])('a function whose name is %s is one without a name', (_, name) => {
    const { tasks } = manualTasks()
    const odd = Object.defineProperty(() => 1, 'name', name as PropertyDescriptor)
    expect(() => tasks.add(odd)).toThrow('a function without a name')
  })
})

describe('what is no task is refused with a clear error', () => {
  test.each<[string, unknown]>([
    // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
    ['an object whose then throws', Object.defineProperty({}, 'then', { get: fail })],
    ['a symbol', Symbol('s')],
    ['a BigInt', 1n],
    ['an array', []],
  ])('%s', (_, what) => {
    const { tasks } = manualTasks()
    expect(thrownBy(() => tasks.add(...([what] as unknown as [string, () => void])))).toMatchObject({
      code: 'ERR_AFTERGLOW_NOT_A_TASK',
    })
    expect(thrownBy(() => tasks.register(what as never))).toMatchObject({ code: 'ERR_AFTERGLOW_NOT_A_TASK' })
    expect(tasks.stats().submissions.accepted).toBe(0)
  })

  test.each([[null], [undefined], ['mail'], [() => 1]])('defineTask(%p)', (what) => {
    expect(thrownBy(() => defineTask(what as never))).toMatchObject({ code: 'ERR_AFTERGLOW_INVALID_OPTION' })
  })
})

describe('options are read once, and are the task’s own from then on', () => {
  test('a getter cannot say one thing when it is checked and another later', async () => {
    const { tasks, clock } = manualTasks()
    let reads = 0
    const options = {
      get delayMs() {
        return reads++ === 0 ? 5 : (Symbol('s') as never)
      },
    }
    const handle = tasks.add('once', () => 1, options)
    await clock.advance(5)
    expect(await handle.settled).toMatchObject({ value: 1 })
    expect(reads).toBe(1)
  })

  test('an object that is used again for the next add frees the key of the first', async () => {
    const { tasks, clock } = manualTasks()
    const options = { key: 'a' }
    tasks.add('reindex', () => 1, options)
    options.key = 'b'
    tasks.add('reindex', () => 1, options)
    await clock.settle()
    expect(tasks.add('reindex', () => 1, { key: 'a' }).duplicate).toBe(false)
    expect(tasks.add('reindex', () => 1, { key: 'b' }).duplicate).toBe(false)
  })

  test.each<[string, AddOptions]>([
    ['a proxy whose traps throw', throwingProxy()],
    ['a getter that throws', Object.defineProperty({}, 'key', { enumerable: true, get: fail }) as AddOptions],
  ])('%s throws to its caller and leaves nothing behind', (_, options) => {
    const { tasks } = manualTasks()
    expect(() => tasks.add('x', () => 1, options)).toThrow('hands off')
    expect(tasks.stats().submissions).toMatchObject({ accepted: 0, rejected: 0 })
  })

  test('a misspelt option or a value of ten megabytes makes no error of ten megabytes', () => {
    const { tasks } = manualTasks()
    const long = 'x'.repeat(TEN_MB)
    for (const options of [{ [long]: 1 }, { priority: long }, { after: long }])
      expect((thrownBy(() => tasks.add('x', () => 1, options as never)) as Error).message.length).toBeLessThan(2_000)
  })

  test('a delay without end is refused: the task would never start', () => {
    const { tasks } = manualTasks()
    expect(() => tasks.add('x', () => 1, { delayMs: Infinity })).toThrow('`delayMs` to be finite')
  })
})

describe('whatever a schema does, add() throws a clear error and counts one rejection', () => {
  const issue = (given: unknown) => ({ issues: [given] })
  test.each<[string, () => unknown, string]>([
    ['gives nothing', () => undefined, 'its schema gave undefined; a Standard Schema gives { value } or { issues }'],
    ['gives null', () => null, 'its schema gave null'],
    ['gives a text', () => 'no', 'its schema gave string'],
    ['throws', fail, 'hands off'],
    [
      'throws nothing',
      () => {
        throw undefined
      },
      'a undefined was thrown',
    ],
    ['gives a promise', () => Promise.resolve({ value: 1 }), 'is asynchronous'],
    ['gives a promise that rejects', () => Promise.reject(new Error('floats')), 'is asynchronous'],
    // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
    ['gives a then that throws', () => ({ then: fail }), 'is asynchronous'],
    [
      'gives issues that are no array',
      () => ({ issues: 'all wrong' }),
      'invalid input at the top: refused by its schema',
    ],
    ['gives an empty list of issues', () => ({ issues: [] }), 'invalid input at the top: refused by its schema'],
    ['gives an issue that is null', () => issue(null), 'invalid input at the top'],
    [
      'gives an issue with an odd path',
      () => issue({ message: 'm', path: [null, Symbol('s'), { key: 'k' }] }),
      'Symbol(s).k: m',
    ],
    ['gives an issue with a path that is none', () => issue({ message: 'm', path: 5 }), 'invalid input at the top: m'],
    ['gives an issue whose message throws', () => issue(throwingProxy()), 'invalid input at the top'],
    ['gives an issue of ten megabytes', () => issue({ message: 'x'.repeat(TEN_MB) }), 'xxx'],
    ['gives a proxy that is revoked', () => revokedProxy(), 'revoked'],
  ])('it %s', async (_, validate, message) => {
    const { tasks, clock } = manualTasks()
    const task = defineTask({
      name: 'checked',
      schema: { '~standard': { version: 1, vendor: 'test', validate: validate as never } },
      run: () => 1,
    })
    const error = thrownBy(() => tasks.add(task, 1 as never))
    expect((error as Error).message).toContain(message)
    expect((error as Error).message.length).toBeLessThan(3_000)
    await clock.settle()
    expect(tasks.stats().submissions).toMatchObject({ accepted: 0, rejected: 1 })
    expect(missing(tasks)).toBe(0)
  })
})

test('a handle’s cancel may be taken off it and called alone', async () => {
  const { tasks, clock } = manualTasks()
  const { cancel, settled } = tasks.add('work', () => 1)
  cancel('no longer needed')
  await clock.settle()
  expect(await settled).toMatchObject({ outcome: 'cancelled', reason: 'no longer needed' })
})

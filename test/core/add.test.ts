import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { defineTask, type TaskContext } from 'koa-afterglow'
import { manualTasks, missing, thrownBy } from '../support/runner.ts'

describe('add', () => {
  test('runs a defined task with its parsed input and gives its result', async () => {
    const { tasks, clock } = manualTasks()
    const shout = defineTask({
      name: 'shout',
      schema: z.object({ text: z.string().trim() }),
      run: ({ text }) => text.toUpperCase(),
    })
    const handle = tasks.add(shout, { text: ' hi ' })
    await clock.settle()
    expect(await handle.settled).toEqual({ outcome: 'completed', value: 'HI', attempts: 1 })
    expect(await handle.accepted).toEqual({ accepted: true })
  })

  test('runs a named function with its arguments, and strips `bound`', async () => {
    const { tasks, clock } = manualTasks()
    function sum(a: number, b: number): number {
      return a + b
    }
    const handles = [tasks.add(sum, 1, 2), tasks.add(sum.bind(undefined), 3, 4)]
    await clock.settle()
    expect(handles.map((handle) => handle.name)).toEqual(['sum', 'sum'])
    expect(await Promise.all(handles.map((handle) => handle.settled))).toMatchObject([{ value: 3 }, { value: 7 }])
  })

  test('runs a named closure with its task', async () => {
    const { tasks, clock } = manualTasks()
    let seen: TaskContext<void> | undefined
    tasks.add('closure', (task) => {
      seen = task
    })
    await clock.settle()
    expect(seen).toMatchObject({ name: 'closure', attempt: 1, maxAttempts: 1, depth: 0, engine: 'in_process' })
  })

  test("never runs on the caller's stack", async () => {
    const { tasks, clock } = manualTasks()
    const order: string[] = []
    tasks.add('later', () => void order.push('task'))
    order.push('caller')
    await clock.settle()
    expect(order).toEqual(['caller', 'task'])
  })

  test.each([
    ['a promise', Promise.resolve(), 'already started'],
    [
      'an anonymous function',
      (
        () => () =>
          1
      )(),
      'without a name',
    ],
    ['null', null, 'got null'],
    ['nothing', undefined, 'got undefined'],
    ['an object', {}, 'got object'],
  ])('refuses %s with a clear error', (_, what, message) => {
    const { tasks } = manualTasks()
    const error = thrownBy(() => tasks.add(...([what] as unknown as [string, () => void])))
    expect(error).toMatchObject({ name: 'NotATaskError', code: 'ERR_AFTERGLOW_NOT_A_TASK' })
    expect((error as Error).message).toContain(message)
  })

  test('refuses a name without a function', () => {
    const { tasks } = manualTasks()
    expect(() => tasks.add('mail', 5 as never)).toThrow("add('mail'): expected a function after the name, got number")
  })

  test.each([[''], ['  '], ['a\nb'], ['a\u001b[31m'], ['x'.repeat(201)]])('refuses the name %j', (name) => {
    const { tasks } = manualTasks()
    expect(() => tasks.add(name, () => 1)).toThrow('expected `name` to be')
    expect(() => defineTask({ name, run: () => 1 })).toThrow('expected `name` to be')
  })

  test('invalid input throws to the caller, names the field, and is counted as rejected', () => {
    const { tasks, seen } = manualTasks()
    const mail = defineTask({ name: 'mail', schema: z.object({ to: z.object({ email: z.email() }) }), run: () => 1 })
    const error = thrownBy(() => tasks.add(mail, { to: { email: 'nobody' } }))
    expect(error).toMatchObject({ code: 'ERR_AFTERGLOW_INVALID_INPUT', issues: [{ path: 'to.email' }] })
    expect((error as Error).message).toContain("task 'mail': invalid input at to.email")
    expect(seen.submissions).toMatchObject([{ name: 'mail', result: 'rejected', error }])
    expect(tasks.stats().submissions).toMatchObject({ accepted: 0, rejected: 1 })
    expect(missing(tasks)).toBe(0)
  })

  test('a schema that validates later is refused, and its rejection does not float', () => {
    const { tasks } = manualTasks()
    const validate = () => Promise.reject(new Error('later'))
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    const task = defineTask({ name: 'async-schema', schema, run: () => 1 })
    expect(() => tasks.add(task, 'x')).toThrow('asynchronous')
  })

  test('two definitions may not share a name, nor a closure take it', () => {
    const { tasks } = manualTasks()
    const one = defineTask({ name: 'mail', run: () => 1 })
    tasks.add(one)
    tasks.add(one)
    expect(() => tasks.add(defineTask({ name: 'mail', run: () => 2 }))).toThrow(
      "the name 'mail' belongs to another task",
    )
    expect(() => tasks.add('mail', () => 3)).toThrow("'mail' is a defined task")
  })

  test('a misspelt or impossible option is refused by name', () => {
    const { tasks } = manualTasks()
    expect(() => tasks.add('a', () => 1, { delay: 5 } as never)).toThrow("there is no option 'delay'")
    expect(() => tasks.add('a', () => 1, { delayMs: -1 })).toThrow('expected `delayMs` to be a number of milliseconds')
    expect(() => tasks.add('a', () => 1, { override: { timeoutMs: 0 } })).toThrow('override: expected `timeoutMs`')
    expect(() => tasks.add('a', () => 1, { after: [{}] as never })).toThrow('`after[0]` is no handle')
    expect(() => defineTask({ name: 'a', retry: { attempts: 0 }, run: () => 1 })).toThrow('expected `attempts`')
    expect(() => manualTasks({ limits: { maxPending: 1.5 } })).toThrow('expected `maxPending` to be a whole number')
    expect(() => manualTasks({ nope: 1 } as never)).toThrow("there is no option 'nope'")
  })

  test('an engine that is not there is refused, and the error says which are', () => {
    const { tasks } = manualTasks()
    const task = defineTask({ name: 'durable', engine: 'durable', run: () => 1 })
    expect(() => tasks.add(task)).toThrow(
      "task 'durable' wants the engine 'durable'; createTasks({ engines }) has default",
    )
  })

  test('a handle and a record show names and ids when printed, never the input', async () => {
    const { tasks, clock } = manualTasks()
    const task = defineTask({ name: 'secret', run: (_: { password: string }) => undefined })
    const handle = tasks.add(task, { password: 'hunter2' })
    expect(JSON.stringify(handle)).not.toContain('hunter2')
    let printed = ''
    tasks.add('print', (one) => {
      printed = JSON.stringify(one)
    })
    await clock.settle()
    expect(JSON.parse(printed)).toMatchObject({ name: 'print', attempt: 1 })
  })

  test('more than fifty made-up names share one label, with one warning, and keep their own name', async () => {
    const { tasks, clock, seen } = manualTasks()
    const names: string[] = []
    for (let n = 0; n < 60; n++) tasks.add(`closure-${n}`, (task) => void names.push(`${task.name} ${task.label}`))
    await clock.settle()
    expect(names[49]).toBe('closure-49 closure-49')
    expect(names.slice(50)).toEqual(Array.from({ length: 10 }, (_, n) => `closure-${50 + n} _OTHER`))
    expect(seen.events.filter((event) => event.type === 'failure_of_our_own')).toHaveLength(1)
    expect(tasks.stats().outcomes.completed).toBe(60)
  })
})

describe('overload', () => {
  test('add throws 503 with Retry-After before anything is half done', async () => {
    const { tasks, clock } = manualTasks({ limits: { maxPending: 2 } })
    tasks.add('a', () => 1)
    tasks.add('b', () => 1)
    expect(thrownBy(() => tasks.add('c', () => 1))).toMatchObject({
      code: 'ERR_AFTERGLOW_OVERLOADED',
      status: 503,
      expose: true,
      headers: { 'Retry-After': '1' },
    })
    await clock.settle()
    tasks.add('d', () => 1)
    expect(tasks.stats().submissions).toMatchObject({ accepted: 3, rejected: 1 })
  })

  test("onOverload 'drop' counts the task as rejected and goes on", async () => {
    const { tasks } = manualTasks({ limits: { maxPending: 1 } })
    tasks.add('a', () => 1)
    const handle = tasks.add('b', () => 1, { override: { onOverload: 'drop' } })
    expect(await handle.accepted).toMatchObject({ accepted: false, error: { code: 'ERR_AFTERGLOW_OVERLOADED' } })
    expect(await handle.settled).toMatchObject({ outcome: 'dropped' })
    expect(missing(tasks)).toBe(0)
  })

  test('tasks that add tasks stop at maxDepth', async () => {
    const { tasks, clock } = manualTasks({ limits: { maxDepth: 3 } })
    const depths: number[] = []
    const errors: unknown[] = []
    const dig = (task: TaskContext<void>): void => {
      depths.push(task.depth)
      try {
        task.add('dig', dig)
      } catch (error) {
        errors.push(error)
      }
    }
    tasks.add('dig', dig)
    await clock.settle()
    expect(depths).toEqual([0, 1, 2, 3])
    expect(errors).toMatchObject([{ code: 'ERR_AFTERGLOW_TOO_DEEP' }])
  })
})

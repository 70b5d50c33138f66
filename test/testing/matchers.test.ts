import { beforeEach, describe, expect, test } from '@jest/globals'
import { createTasks, defineTask, type Tasks } from 'koa-afterglow'
import { takeOver, takeOverEach, type TestKit } from 'koa-afterglow/testing'
import 'koa-afterglow/testing/jest'
import Koa from 'koa'
import { Router } from '@koa/router'
import request from 'supertest'
import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'
import { thrownBy } from '../support/runner.ts'

const welcome = defineTask({ name: 'send-welcome', run: (_input: { email: string }) => {} })
const invite = defineTask({
  name: 'invite',
  schema: z.object({ at: z.coerce.date(), seats: z.number().default(1) }),
  run: () => {},
})
const broken = defineTask({
  name: 'broken',
  retry: { attempts: 2, baseDelayMs: 1_000 },
  run: () => {
    throw new Error('boom')
  },
})
function writeAuditRow(_what: string, _who: string): void {}

const tasks: Tasks = createTasks({ logger: false })
const router = new Router()
router.post('/register', (ctx) => {
  ctx.tasks.add(welcome, { email: 'ada@example.com' })
  ctx.body = 'done'
})
const app = new Koa().use(tasks.middleware()).use(router.routes()).callback()

let kit: TestKit
beforeEach(() => {
  kit?.[Symbol.dispose]()
  kit = takeOver(tasks)
})

/** What a person reads. */
const said = (run: () => unknown): string => stripVTControlCharacters((thrownBy(run) as Error).message)

describe('toHaveAdded', () => {
  test('holds for a task that was added, with its input if one is given', async () => {
    await request(app).post('/register')
    expect(tasks).toHaveAdded(welcome)
    expect(tasks).toHaveAdded(welcome, { email: 'ada@example.com' })
    expect(kit).toHaveAdded('send-welcome', { email: expect.stringContaining('@') })
    expect(tasks).not.toHaveAdded(welcome, { email: 'grace@example.com' })
    expect(tasks).not.toHaveAdded(broken)
  })

  test('knows functions by their name and arguments, closures by their name', () => {
    tasks.add(writeAuditRow, 'registered', 'ada')
    tasks.add('warm-cache', () => {})
    expect(tasks).toHaveAdded(writeAuditRow, 'registered', expect.any(String))
    expect(tasks).toHaveAdded(writeAuditRow)
    expect(tasks).toHaveAdded('warm-cache')
    expect(tasks).not.toHaveAdded(writeAuditRow, 'registered', 'grace')
  })

  test('takes an input as add() takes it, although a schema changes it', () => {
    tasks.add(invite, { at: '2026-01-01' })
    expect(tasks).toHaveAdded(invite, { at: '2026-01-01' })
    expect(tasks).toHaveAdded(invite, { at: new Date('2026-01-01'), seats: 1 })
    expect(tasks).not.toHaveAdded(invite, { at: '2026-01-02' })
  })

  test('says with what input it was added instead', async () => {
    await request(app).post('/register')
    const words = said(() => expect(tasks).toHaveAdded(welcome, { email: 'grace@example.com' }))
    expect(words).toContain("expect(received).toHaveAdded('send-welcome', input)")
    expect(words).toContain("'send-welcome' was added once, with other input:")
    expect(words).toContain('  1: {"email": "ada@example.com"} by POST /register')
    expect(words).toMatch(/-\s+"email": "grace@example.com"/)
    expect(words).toMatch(/\+\s+"email": "ada@example.com"/)
  })

  test('says what was added instead, and what was refused', () => {
    tasks.add(welcome, { email: 'a' })
    tasks.add(welcome, { email: 'b' })
    expect(() => tasks.add(invite, { at: 'never' })).toThrow('invalid input')
    const words = said(() => expect(tasks).toHaveAdded(broken))
    expect(words).toContain(
      "'broken' was not added; added were: send-welcome x2, invite (rejected: task 'invite': invalid input",
    )
    using _other = takeOver(createTasks({ logger: false }))
    expect(said(() => expect(_other).toHaveAdded(broken))).toContain('no task was added')
  })

  test('says of what should not have been added that it was, and by what', async () => {
    await request(app).post('/register')
    expect(said(() => expect(tasks).not.toHaveAdded(welcome))).toContain(
      'expect(received).not.toHaveAdded(\'send-welcome\')\n\n\'send-welcome\' was added once:\n  1: {"email": "ada@example.com"} by POST /register',
    )
  })

  test('asked of anything else it says what to do', () => {
    expect(said(() => expect({}).toHaveAdded(welcome))).toContain('begin the test with takeOver(tasks)')
    expect(said(() => expect(createTasks({ logger: false })).toHaveAdded(welcome))).toContain('takeOver(tasks)')
  })
})

test('toHaveAddedOnce does not hold for a task that was added twice', () => {
  tasks.add(welcome, { email: 'a' })
  expect(tasks).toHaveAddedOnce(welcome, { email: 'a' })
  tasks.add(welcome, { email: 'b' })
  expect(tasks).not.toHaveAddedOnce(welcome, { email: 'a' })
  expect(said(() => expect(tasks).toHaveAddedOnce(welcome, { email: 'a' }))).toContain('was added twice, once with it:')
  expect(said(() => expect(tasks).toHaveAddedOnce(welcome))).toContain("'send-welcome' was added twice:")
})

describe('toHaveSettled', () => {
  test('holds for a task, a handle, a definition, several, and a kit', async () => {
    const handle = tasks.add(broken)
    tasks.add(welcome, { email: 'a' })
    tasks.add(welcome, { email: 'b' })
    await kit.drain()
    expect(kit.task(broken)).toHaveSettled('failed')
    expect(handle).toHaveSettled('failed')
    expect(broken).toHaveSettled('failed')
    expect(welcome).toHaveSettled('completed')
    expect(kit.tasks(welcome)).toHaveSettled('completed')
    expect([handle, ...kit.tasks(welcome)]).toHaveSettled()
    expect(kit).toHaveSettled()
    expect(kit).not.toHaveSettled('timed_out')
  })

  test('of several it holds if all did, and its negation if none did', async () => {
    tasks.add(broken)
    tasks.add(welcome, { email: 'a' })
    await kit.drain()
    expect(said(() => expect(kit).toHaveSettled('completed'))).toContain(
      "'broken' settled as 'failed' after 2 attempts: boom",
    )
    expect(said(() => expect(kit).not.toHaveSettled('failed'))).toContain("'broken' settled as 'failed'")
  })

  test('says where a task is that has not settled, and how it failed so far', async () => {
    const handle = tasks.add(broken)
    await kit.idle()
    expect(said(() => expect(handle).toHaveSettled('failed'))).toContain(
      "It has not settled: 'broken' waits for its next attempt (2 of 2); it failed once, the last time with: boom",
    )
    expect(handle).not.toHaveSettled()
    expect(said(() => expect(welcome).toHaveSettled())).toContain('it was not added')
  })

  test('asked of anything else it says what to do', () => {
    expect(said(() => expect('broken').toHaveSettled())).toContain('expected a task of the kit')
    expect(said(() => expect({ id: 'x' }).toHaveSettled())).toContain('given back since')
  })
})

describe('toBeCausedBy', () => {
  test('holds for the response, the route, and some of its facts', async () => {
    const response = await request(app).post('/register')
    const other = await request(app).post('/nowhere')
    await kit.idle()
    expect(kit.task(welcome)).toBeCausedBy(response)
    expect(kit.task(welcome)).toBeCausedBy('POST /register')
    expect(kit.task(welcome)).toBeCausedBy({ method: 'POST', statusCode: 200 })
    expect(kit.task(welcome)).not.toBeCausedBy(other)
    expect(said(() => expect(kit.task(welcome)).toBeCausedBy(other))).toContain(
      "'send-welcome' was caused by POST /register, answered with 200",
    )
  })

  test('says of a task of nobody that it is', async () => {
    const response = await request(app).post('/nowhere')
    const handle = tasks.add(broken)
    expect(said(() => expect(handle).toBeCausedBy(response))).toContain("'broken' was added outside of any request")
    expect(said(() => expect(handle).toBeCausedBy({ headers: {} }))).toContain('expected a response')
  })
})

describe('takeOverEach', () => {
  /** A test runner that runs its hooks when told. */
  function runner() {
    const before: (() => void)[] = []
    const after: (() => Promise<void>)[] = []
    return {
      hooks: {
        beforeEach: (run: () => void) => before.push(run),
        afterEach: (run: () => Promise<void>) => after.push(run),
      },
      begin: () => before.forEach((run) => run()),
      end: async () => {
        for (const run of after) await run()
      },
    }
  }

  test('takes over anew for each test, and matchers know it', async () => {
    const own = createTasks({ logger: false })
    const { hooks, begin, end } = runner()
    const each = takeOverEach(own, { mode: 'manual' }, hooks)
    expect(() => each.added).toThrow('of the tests that run after')
    for (const n of ['1', '2']) {
      begin()
      own.add(welcome, { email: n })
      expect(each).toHaveAddedOnce(welcome, { email: n })
      expect(await each.runNext()).toHaveSettled('completed')
      await end()
    }
    expect(own.stats().submissions.accepted).toBe(0)
  })

  test('fails a test that leaves a task in flight, and gives the tasks back all the same', async () => {
    const own = createTasks({ logger: false })
    const { hooks, begin, end } = runner()
    takeOverEach(own, { patienceMs: 20 }, hooks)
    begin()
    own.add('hangs', () => new Promise(() => {}))
    await expect(end()).rejects.toThrow("the test leaves behind:\n  - 'hangs' runs")
    begin()
    await expect(end()).resolves.toBeUndefined()
  })
})

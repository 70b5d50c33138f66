import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, defineTask, InvalidInputError } from 'koa-afterglow'
import { memoryEngine, MemoryStore, takeOver } from 'koa-afterglow/testing'
import 'koa-afterglow/testing/jest'
import request from 'supertest'
import { z } from 'zod'

const got: unknown[] = []
const invite = defineTask({
  name: 'invite',
  engine: 'durable',
  schema: z.object({ at: z.union([z.string(), z.date()]).pipe(z.coerce.date()) }),
  run: (input) => void got.push(input),
})
const loose = defineTask({ name: 'loose', engine: 'durable', run: (input: unknown) => void got.push(input) })

function setUp() {
  got.length = 0
  const store = new MemoryStore()
  const tasks = createTasks({ logger: false, engines: { durable: memoryEngine({ store }) }, register: [invite, loose] })
  return { tasks, kit: takeOver(tasks) }
}

describe('tasks of a durable engine that are taken over', () => {
  test('run in the process of the test, with their real outcome, and nothing is stored', async () => {
    const { tasks, kit } = setUp()
    const app = new Koa().use(tasks.middleware()).use((ctx) => {
      ctx.tasks.add(loose, { email: 'ada@example.com' })
      ctx.body = 'done'
    })
    const [task] = await kit.tasksOf(await request(app.callback()).get('/'))
    expect(task).toHaveSettled('completed')
    await kit.end()
    await tasks.start()
    await tasks.idle()
    expect(got).toEqual([{ email: 'ada@example.com' }])
    await tasks.close()
  })

  test('get their input as it comes out of a store: a copy, parsed again', async () => {
    const { tasks, kit } = setUp()
    const given = { nested: { n: 1 }, left: undefined }
    tasks.add(loose, given)
    tasks.add(invite, { at: '2026-01-01' })
    await kit.idle()
    expect(got).toEqual([{ nested: { n: 1 } }, { at: new Date('2026-01-01') }])
    expect(Object.keys(got[0] as object)).toEqual(['nested'])
    expect((got[0] as typeof given).nested).not.toBe(given.nested)
    expect(tasks).toHaveAdded(invite, { at: '2026-01-01' })
    await kit.end()
  })

  test('are refused by add() if their input would not survive the store', () => {
    const { tasks, kit } = setUp()
    expect(() => tasks.add(loose, { when: new Date() })).toThrow(InvalidInputError)
    expect(() => tasks.add(loose, [1n])).toThrow('stores inputs as JSON, and input[0] is a bigint')
    // Good enough for its schema, and yet not for a store.
    expect(() => tasks.add(invite, { at: new Date() })).toThrow('is a Date')
    expect(kit.added.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected'])
    kit[Symbol.dispose]()
  })

  test('are refused what the engine has not', () => {
    const { tasks, kit } = setUp()
    const stored = tasks.add(loose, 1)
    expect(() => tasks.add('closure', () => {}, { override: { engine: 'durable' } })).toThrow('has no functions')
    expect(() => tasks.add(loose, 1, { key: 'k' })).toThrow('has no `key`')
    expect(() => tasks.add('after', () => {}, { after: [stored] })).toThrow('a task of a durable engine')
    kit[Symbol.dispose]()
  })

  test('functions run beside them where all engines are durable', async () => {
    const tasks = createTasks({ logger: false, engines: { default: memoryEngine({ store: new MemoryStore() }) } })
    await using kit = takeOver(tasks)
    tasks.add('closure', () => 1)
    await kit.idle()
    expect(kit.task('closure')).toHaveSettled('completed')
  })
})

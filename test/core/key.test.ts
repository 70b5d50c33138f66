import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, inProcess } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'
import { gate, manualTasks, missing } from '../support/runner.ts'
import { served } from '../support/telemetry.ts'

describe('key', () => {
  test('while one waits, another add gives its handle, and it runs once', async () => {
    const { tasks, clock, seen } = manualTasks()
    let runs = 0
    const run = () => ++runs
    const first = tasks.add('reindex', run, { key: 'all' })
    const second = tasks.add('reindex', run, { key: 'all' })
    const other = tasks.add('reindex', run, { key: 'one' })
    expect([first.duplicate, second.duplicate, other.duplicate]).toEqual([false, true, false])
    expect(second.id).toBe(first.id)
    await clock.settle()
    expect(runs).toBe(2)
    expect(await second.settled).toMatchObject({ value: 1 })
    expect(tasks.stats().submissions).toMatchObject({ accepted: 2, duplicate: 1 })
    expect(seen.submissions.map(({ result }) => result)).toEqual(['accepted', 'duplicate', 'accepted'])
    expect(missing(tasks)).toBe(0)
  })

  test('once it runs, or has ended without, the next add is a task of its own', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    const running = tasks.add('reindex', () => work.promise, { key: 'all' })
    await clock.settle()
    const next = tasks.add('reindex', () => 2, { key: 'all', delayMs: 10 })
    expect(next.id).not.toBe(running.id)
    next.cancel()
    expect(tasks.add('reindex', () => 3, { key: 'all' }).duplicate).toBe(false)
    work.resolve()
    await clock.advance(10)
    expect(missing(tasks)).toBe(0)
  })

  test('it starts after the responses of all requests that asked for it, so that it sees what each of them wrote', async () => {
    const clock = manualClock()
    const tasks = createTasks({ logger: false, engines: { default: inProcess({ clock }) } })
    const written: string[] = []
    let saw: string[] | undefined
    const slow = gate()
    const asked = gate()
    const app = new Koa()
    app.use(tasks.middleware()).use(async (ctx) => {
      ctx.tasks.add('reindex', () => void (saw = [...written]), { key: 'all' })
      if (ctx.path === '/slow') {
        asked.resolve()
        await slow.promise
      }
      written.push(ctx.path)
      ctx.body = 'ok'
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(app.callback())
    await server.get('/quick')
    const second = server.get('/slow')
    await asked.promise
    await clock.settle()
    expect(saw).toBeUndefined()
    slow.resolve()
    await second
    await clock.settle()
    expect(saw).toEqual(['/quick', '/slow'])
    expect(tasks.stats().submissions).toMatchObject({ accepted: 1, duplicate: 1 })
  })
})

import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, type ProbeOptions } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'
import { listen } from '../support/http-server.ts'

async function probed(options?: ProbeOptions) {
  const made = manualTasks()
  const app = new Koa()
  app.use(made.tasks.probes(options))
  app.use(made.tasks.middleware())
  app.use((ctx) => void (ctx.body = 'the app'))
  const server = await listen(app)
  return {
    ...made,
    server,
    ask: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init),
  }
}

describe('probes', () => {
  test('/readyz says no from the first moment of a shutdown, while requests are still served', async () => {
    const { tasks, ask, server } = await probed()
    await using _ = server
    expect(await (await ask('/readyz')).json()).toEqual({ status: 'ready', inFlight: 0 })
    tasks.unready()
    const answer = await ask('/readyz')
    expect([answer.status, await answer.json()]).toEqual([503, { status: 'shutting down', inFlight: 0 }])
    expect(tasks.ready).toBe(false)
    expect((await ask('/anything')).status).toBe(200)
    expect((await ask('/livez')).status).toBe(200)
  })

  test('a check that fails makes it unready, is told once, and is named without its reason', async () => {
    let fails = true
    const { ask, server, seen } = await probed({
      checks: { db: () => (fails ? Promise.reject(new Error('no route to db.internal')) : 1), cache: () => true },
    })
    await using _ = server
    for (const _again of [1, 2])
      expect(await (await ask('/readyz')).json()).toEqual({ status: 'unready', inFlight: 0, failed: ['db'] })
    expect(seen.events).toMatchObject([
      { type: 'failure_of_our_own', where: "check 'db'", error: { message: 'no route to db.internal' } },
    ])
    fails = false
    expect((await ask('/readyz')).status).toBe(200)
  })

  test("other methods and paths are the application's; an answer is kept by no cache", async () => {
    const { ask, server } = await probed({ livez: '/alive' })
    await using _ = server
    expect(await (await ask('/livez')).text()).toBe('the app')
    expect(await (await ask('/alive', { method: 'POST' })).text()).toBe('the app')
    const alive = await ask('/alive')
    expect([await alive.json(), alive.headers.get('cache-control')]).toEqual([{ status: 'alive' }, 'no-store'])
  })

  test('options that are none are refused', () => {
    const tasks = createTasks({ logger: false })
    expect(() => tasks.probes({ livez: 'alive' })).toThrow('expected `livez` to be a path')
    expect(() => tasks.probes({ checks: { db: 1 as unknown as () => unknown } })).toThrow("the check 'db'")
  })
})

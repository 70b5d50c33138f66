import { expect, test } from '@jest/globals'
import Koa from 'koa'
import { gate, manualTasks } from '../support/runner.ts'
import { served } from '../support/telemetry.ts'

test('observers learn once per request when the first task that waited for its response started', async () => {
  const { tasks, clock, seen } = manualTasks()
  const gaps: (readonly [string, number])[] = []
  tasks.observe({ name: 'gaps', firstStart: ({ method }, gapMs) => void gaps.push([method, gapMs]) })
  tasks.observe({
    name: 'broken',
    firstStart: () => {
      throw new Error('boom')
    },
  })
  const app = new Koa()
  app.use(tasks.middleware()).use((ctx) => {
    ctx.tasks.add('one', () => 1)
    ctx.tasks.add('two', () => 2)
    ctx.body = 'ok'
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(app.callback())
  await server.get()
  await clock.settle()
  tasks.add('of no request', () => 3)
  await clock.settle()
  expect(gaps).toEqual([['GET', 0]])
  expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: "observer 'broken' firstStart" }])
})

test('a task added after its response settled says nothing of how soon tasks start', async () => {
  const { tasks, clock } = manualTasks()
  const gaps: number[] = []
  tasks.observe({ name: 'gaps', firstStart: (_request, gapMs) => void gaps.push(gapMs) })
  const settled = Promise.withResolvers<void>()
  const app = new Koa()
  app.use(tasks.middleware()).use(async (ctx) => {
    ctx.tasks.add('never', () => 1, { override: { runOn: 'success' } })
    ctx.status = 500
    ctx.res.end('broken')
    await settled.promise
    await clock.advance(1_000)
    ctx.tasks.add('later', () => 1)
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(app.callback())
  await server.get()
  settled.resolve()
  await tasks.idle()
  await clock.settle()
  expect(tasks.stats().outcomes).toMatchObject({ skipped: 1 })
  await clock.settle()
  expect(gaps).toEqual([])
})

test('a task that was released before its response settled waits for a slot, not for that response', async () => {
  const { tasks, clock } = manualTasks({ concurrency: 1 })
  const gaps: number[] = []
  tasks.observe({ name: 'gaps', firstStart: (_request, gapMs) => void gaps.push(gapMs) })
  const { promise, resolve } = gate()
  tasks.add('first in line', () => promise)
  await clock.settle()
  const app = new Koa()
  app.use(tasks.middleware()).use(async (ctx) => {
    ctx.tasks.add('released', () => 1)
    ctx.tasks.release()
    await clock.settle()
    ctx.body = 'ok'
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(app.callback())
  await server.get()
  resolve()
  await clock.settle()
  expect(tasks.stats().outcomes).toMatchObject({ completed: 2 })
  expect(gaps).toEqual([])
})

// A Koa application whose tasks are in Redis, and a worker without HTTP beside it, with the whole of core between.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, defineTask, type Tasks } from 'koa-afterglow'
import { bullmq } from 'koa-afterglow/bullmq'
import { newId } from '../../../src/testing/engine-conformance/bench.ts'
import { describeWithRedis, RedisServer } from '../../support/redis.ts'
import { listen, type Listening } from '../../support/http-server.ts'

jest.setTimeout(30_000)

let redis: RedisServer
const open: (Tasks | Listening)[] = []

const ran: string[] = []
const refusals = { left: 0 }
const send = defineTask({
  name: 'send',
  engine: 'durable',
  retry: { attempts: 2, baseDelayMs: 10 },
  run({ to }: { to: string }, { attempt }) {
    ran.push(`${to} ${attempt}`)
    if (refusals.left-- > 0) throw new Error(`mail server refused ${to}`)
  },
})

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function app(queue: string): Promise<string> {
  const engines = { durable: bullmq({ connection: redis.url, queue, commandTimeoutMs: 500 }) }
  const tasks = createTasks({ engines, register: [send], logger: false, limits: { persistTimeoutMs: 300 } })
  await tasks.start({ consume: false })
  const koa = new Koa({ env: 'test' }).use(tasks.middleware()).use((ctx) => {
    ctx.tasks.add(send, { to: ctx.path.slice(1) })
    ctx.body = 'registered'
  })
  koa.silent = true
  const listening = await listen(koa)
  open.push(listening, tasks)
  return `http://127.0.0.1:${listening.port}`
}

async function worker(queue: string): Promise<Tasks> {
  const tasks = createTasks({
    engines: { durable: bullmq({ connection: redis.url, queue }) },
    register: [send],
    logger: false,
  })
  await tasks.start()
  open.push(tasks)
  return tasks
}

describeWithRedis(describe, import.meta.filename)('an application with bullmq()', () => {
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterEach(async () => {
    for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
    ran.length = 0
    refusals.left = 0
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test('answers once a task is stored, and a worker elsewhere runs it and retries it', async () => {
    const queue = `q${newId()}`
    const url = await app(queue)
    expect((await fetch(`${url}/ada`)).status).toBe(200)
    refusals.left = 1
    const tasks = await worker(queue)
    await until(() => tasks.stats().outcomes.completed === 1)
    expect(ran).toEqual(['ada 1', 'ada 2'])
    expect(tasks.stats().submissions.fetched).toBe(2)
  })

  test('keeps what ended badly until a person lets it run again', async () => {
    const queue = `q${newId()}`
    const url = await app(queue)
    const tasks = await worker(queue)
    refusals.left = 2
    await fetch(`${url}/bob`)
    await until(async () => (await tasks.dead.list()).length === 1)
    const [dead] = await tasks.dead.list({ name: 'send' })
    expect(dead).toMatchObject({
      name: 'send',
      note: { outcome: 'failed', attempts: 2, message: 'mail server refused bob' },
    })
    expect(await tasks.dead.retry(dead?.id ?? '')).toBe(true)
    await until(() => tasks.stats().outcomes.completed === 1)
    expect(ran).toEqual(['bob 1', 'bob 2', 'bob 1'])
    expect(await tasks.dead.list()).toEqual([])
  })

  test('answers 503 while Redis is away, in time, and is whole again by itself', async () => {
    const queue = `q${newId()}`
    const url = await app(queue)
    const tasks = await worker(queue)
    await redis.down()
    const startedAt = performance.now()
    expect((await fetch(`${url}/cyd`)).status).toBe(503)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    await redis.up()
    await until(async () => (await fetch(`${url}/eve`)).status === 200)
    await until(() => ran.includes('eve 1'))
    expect((await tasks.close({ deadlineMs: 5_000 })).interrupted).toEqual([])
  })
})

import { describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import http from 'node:http'
import { PassThrough } from 'node:stream'
import Koa, { type Middleware } from 'koa'
import { createTasks, defineTask, TasksNotStoredError, type Logger } from 'koa-afterglow'
import { memoryEngine, MemoryStore, type StoreOperation } from 'koa-afterglow/testing'
import { outcomesOf, resultsOf } from '../support/durable.ts'
import { ask } from '../support/http-client.ts'
import { serve, type HttpBench } from '../support/http-server.ts'
import { gate, missing } from '../support/runner.ts'

const note = defineTask({ name: 'note', engine: 'durable', run: () => undefined })
const onSuccess = defineTask({ name: 'on-success', engine: 'durable', runOn: 'success', run: () => undefined })

interface Durable {
  readonly http: HttpBench
  readonly store: MemoryStore
  /** What happened, in order. */
  readonly log: string[]
  readonly errors: string[]
}

interface Options {
  readonly handler: Middleware
  readonly above?: (log: string[]) => Middleware
  readonly persistTimeoutMs?: number
  readonly consume?: boolean
}

/** Koa, a store that only keeps, and what happened to it. */
async function durable({ handler, above, persistTimeoutMs = 40 }: Options): Promise<Durable & AsyncDisposable> {
  const store = new MemoryStore()
  const log: string[] = []
  const errors: string[] = []
  const line = (fields: object | string) => void errors.push(JSON.stringify(fields))
  const quiet = () => undefined
  const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: line }
  const app = new Koa()
  if (above) app.use(above(log))
  const served = await serve({
    app,
    handler,
    logger,
    engines: { durable: memoryEngine({ store }) },
    limits: { persistTimeoutMs },
  })
  store.after = (operation) => void (operation === 'enqueue' && log.push('stored'))
  await served.tasks.start({ consume: false })
  return { http: served, store, log, errors, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() }
}

const down = (operation: StoreOperation): void => {
  if (operation === 'enqueue') throw new Error('connection refused')
}
const answer = ({ http: { port } }: Durable) => ask(port, 'http1')
const ready = async ({ store }: Durable): Promise<number> => (await store.does('stats', () => store.count())).ready

describe('rule 18: a request is acknowledged once its tasks are stored', () => {
  test('they are stored in one batch when the chain below returned, before control goes up', async () => {
    await using bench = await durable({
      above: (log) => async (_ctx, next) => {
        await next()
        log.push('commit above')
      },
      handler: async (ctx) => {
        ctx.tasks.add(note)
        await new Promise((resolve) => setImmediate(resolve))
        ctx.tasks.add(note)
        ctx.body = 'ok'
      },
    })
    expect(await answer(bench)).toEqual({ status: 200, body: 'ok' })
    expect(bench.log).toEqual(['stored', 'commit above'])
    expect(await ready(bench)).toBe(2)
    expect(resultsOf(bench.http.seen)).toEqual(['note accepted', 'note accepted'])
  })

  test('a store that is away: 503 with Retry-After, and middleware above sees why', async () => {
    const seen: unknown[] = []
    await using bench = await durable({
      above: () => async (_ctx, next) => {
        try {
          await next()
        } catch (error) {
          seen.push(error)
          throw error
        }
      },
      handler: (ctx) => {
        ctx.tasks.add(note)
        ctx.body = 'ok'
      },
    })
    bench.store.before = down
    const response = await fetch(`http://127.0.0.1:${bench.http.port}/`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.text()).toMatch(/not acknowledged/)
    expect(seen[0]).toBeInstanceOf(TasksNotStoredError)
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
    expect(bench.errors.join()).toMatch(/afterglow.task.rejected/)
    expect(missing(bench.http.tasks)).toBe(0)
  })

  test('a store that is slow: 503 after persistTimeoutMs, and the task may run all the same', async () => {
    const slow = gate()
    await using bench = await durable({ handler: (ctx) => void ctx.tasks.add(note), persistTimeoutMs: 20 })
    bench.store.before = (operation) => (operation === 'enqueue' ? slow.promise : undefined)
    expect((await answer(bench)).status).toBe(503)
    slow.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await ready(bench)).toBe(1)
  })

  test('an acknowledgement that was lost: 200, and stored once', async () => {
    await using bench = await durable({
      handler: (ctx) => ((ctx.body = 'ok'), void ctx.tasks.add(note)),
      persistTimeoutMs: 2_000,
    })
    let lost = 0
    bench.store.after = (operation) => {
      if (operation === 'enqueue' && lost++ === 0) throw new Error('connection reset')
    }
    expect((await answer(bench)).status).toBe(200)
    expect([lost, await ready(bench)]).toEqual([2, 1])
  })

  test('a handler that threw: they are stored, and its error goes up', async () => {
    await using bench = await durable({
      handler: (ctx) => {
        ctx.tasks.add(note)
        ctx.throw(418, 'teapot')
      },
    })
    expect(await answer(bench)).toEqual({ status: 418, body: 'teapot' })
    expect(await ready(bench)).toBe(1)
  })

  test('a handler that threw with a store that is away: its error goes up, the rest is logged', async () => {
    await using bench = await durable({
      handler: (ctx) => {
        ctx.tasks.add(note)
        ctx.throw(418, 'teapot')
      },
    })
    bench.store.before = down
    expect(await answer(bench)).toEqual({ status: 418, body: 'teapot' })
    expect(bench.errors.join()).toMatch(/afterglow.task.rejected/)
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
  })

  test('headers that are sent: no 503 is possible, so it is rejected and logged as an error', async () => {
    await using bench = await durable({
      handler: async (ctx) => {
        ctx.status = 200
        ctx.flushHeaders()
        ctx.tasks.add(note)
        await new Promise((resolve) => setImmediate(resolve))
        ctx.body = 'ok'
      },
    })
    bench.store.before = down
    expect((await answer(bench)).status).toBe(200)
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
    expect(bench.errors.join()).toMatch(/afterglow.task.rejected/)
  })

  test('headers sent after the add: the same', async () => {
    await using bench = await durable({
      handler: (ctx) => {
        ctx.tasks.add(note)
        ctx.status = 200
        ctx.flushHeaders()
        ctx.body = 'ok'
      },
    })
    bench.store.before = down
    expect((await answer(bench)).status).toBe(200)
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
    expect(bench.errors.join()).toMatch(/afterglow.task.rejected/)
  })

  test('respond = false: the same', async () => {
    await using bench = await durable({
      handler: (ctx) => {
        ctx.respond = false
        ctx.tasks.add(note)
        setTimeout(() => ctx.res.end('raw'), 60)
      },
    })
    bench.store.before = down
    expect(await answer(bench)).toEqual({ status: 404, body: 'raw' })
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
    expect(bench.errors.join()).toMatch(/afterglow.task.rejected/)
  })

  test('adds during a streamed body are stored one by one', async () => {
    await using bench = await durable({
      handler: (ctx) => {
        const body = new PassThrough()
        ctx.body = body
        setTimeout(() => {
          body.write('a')
          ctx.tasks.add(note)
          setImmediate(() => {
            ctx.tasks.add(note)
            body.end('b')
          })
        }, 10)
      },
    })
    expect(await answer(bench)).toEqual({ status: 200, body: 'ab' })
    expect(bench.log).toEqual(['stored', 'stored'])
  })

  test('awaiting `accepted` in the handler stores at once; what is added later is stored by itself', async () => {
    await using bench = await durable({
      handler: async (ctx) => {
        const first = ctx.tasks.add(note)
        ctx.tasks.add(note)
        ctx.body = await first.accepted
        ctx.tasks.add(note)
        ctx.tasks.add(onSuccess)
      },
    })
    expect(await answer(bench)).toEqual({ status: 200, body: '{"accepted":true}' })
    expect(bench.log).toEqual(['stored', 'stored', 'stored'])
    expect(await ready(bench)).toBe(4)
  })

  test('a handler that learns by `accepted` that nothing was stored decides itself, and is 503 if it does not', async () => {
    await using bench = await durable({
      handler: async (ctx) => {
        const { accepted } = await ctx.tasks.add(note).accepted
        ctx.body = { accepted }
      },
    })
    bench.store.before = down
    expect((await answer(bench)).status).toBe(503)
  })

  test('what was committed below and not stored is 503: the request was not acknowledged', async () => {
    let committed = false
    await using bench = await durable({
      handler: (ctx) => {
        ctx.tasks.add(note)
        committed = true
      },
    })
    bench.store.before = down
    expect((await answer(bench)).status).toBe(503)
    expect(committed).toBe(true)
  })

  test('ctx.tasks.release() stores at once what waits', async () => {
    const released = gate()
    await using bench = await durable({
      handler: async (ctx) => {
        ctx.tasks.add(note)
        ctx.tasks.release()
        await released.promise
        ctx.body = 'ok'
      },
    })
    const answered = answer(bench)
    while (bench.log.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ready(bench)).toBe(1)
    released.resolve()
    expect((await answered).status).toBe(200)
  })

  test('a client that left: what waits is stored at once, whatever the handler still does', async () => {
    const entered = gate()
    const go = gate()
    await using bench = await durable({
      handler: async (ctx) => {
        ctx.tasks.add(note)
        entered.resolve()
        await go.promise
      },
    })
    const request = http.get({ host: '127.0.0.1', port: bench.http.port }).on('error', () => undefined)
    await entered.promise
    request.destroy()
    // The handler is still at it, and may be for long.
    while (bench.log.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ready(bench)).toBe(1)
    go.resolve()
  })

  test('a drain that gives up what a request has not stored yet does not let that request be acknowledged', async () => {
    const entered = gate()
    const go = gate()
    await using bench = await durable({
      handler: async (ctx) => {
        ctx.tasks.add(note)
        entered.resolve()
        await go.promise
        ctx.body = 'ok'
      },
    })
    const answered = answer(bench)
    await entered.promise
    await bench.http.tasks.close({ deadlineMs: 20 })
    go.resolve()
    expect((await answered).status).toBe(503)
    expect(resultsOf(bench.http.seen)).toEqual(['note rejected'])
    expect(missing(bench.http.tasks)).toBe(0)
  })

  test('facts of the request travel with the task', async () => {
    const seen: unknown[] = []
    const facts = defineTask({
      name: 'facts',
      engine: 'durable',
      run: (_: void, { request }) => void seen.push({ ...request }),
    })
    await using bench = await durable({
      handler: (ctx) => {
        ctx.routePath = '/orders/:id'
        ctx.status = 201
        ctx.tasks.add(facts)
      },
    })
    await answer(bench)
    const worker = createTasks({
      logger: false,
      engines: { durable: memoryEngine({ store: bench.store }) },
      register: [facts],
    })
    await worker.start()
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([{ method: 'GET', route: '/orders/:id', statusCode: 201 }])
    await worker.close()
  })

  test('a request without durable tasks waits for no store', async () => {
    await using bench = await durable({ handler: (ctx) => ((ctx.body = 'ok'), void ctx.tasks.add('local', () => 1)) })
    bench.store.before = down
    expect((await answer(bench)).status).toBe(200)
  })
})

describe("rule 18: runOn 'success' is decided when it is stored", () => {
  const cases: readonly (readonly [string, Middleware, string])[] = [
    ['a 201', (ctx) => void (ctx.status = 201), 'on-success handed_over'],
    ['a 302', (ctx) => ctx.redirect('/'), 'on-success handed_over'],
    ['no answer, which is a 404', () => undefined, 'on-success skipped'],
    ['a 500', (ctx) => void (ctx.status = 500), 'on-success skipped'],
    ['a throw', (ctx) => ctx.throw(400), 'on-success skipped'],
  ]
  const reasons: Readonly<Record<string, RegExp>> = {
    'no answer, which is a 404': /the response was 404/,
    'a 500': /the response was 500/,
    'a throw': /the handler threw/,
  }
  test.each(cases)('%s', async (_name, handle, outcome) => {
    await using bench = await durable({
      handler: (ctx, next) => {
        ctx.tasks.add(onSuccess)
        return handle(ctx, next) as undefined
      },
    })
    await answer(bench)
    expect(outcomesOf(bench.http.seen)).toEqual([outcome])
    const [{ outcome: ended } = {}] = bench.http.seen.outcomes
    const reason = ended && 'reason' in ended ? ended.reason : ''
    expect(reason).toMatch(reasons[_name] ?? /^$/)
    expect(missing(bench.http.tasks)).toBe(0)
  })

  test('one added after a response that was aborted is skipped', async () => {
    const entered = gate()
    await using bench = await durable({
      handler: async (ctx) => {
        const closed = once(ctx.res, 'close')
        entered.resolve()
        await closed
        ctx.tasks.add(onSuccess)
        ctx.body = 'late'
      },
    })
    const request = http.get({ host: '127.0.0.1', port: bench.http.port }).on('error', () => undefined)
    await entered.promise
    request.destroy()
    while (bench.http.seen.outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(outcomesOf(bench.http.seen)).toEqual(['on-success skipped'])
  })

  test('a handler that waits to hear whether one was stored waits for itself, which is reported', async () => {
    const reported = gate()
    await using bench = await durable({
      handler: async (ctx) => {
        const { accepted } = ctx.tasks.add(onSuccess)
        await Promise.race([accepted, reported.promise])
        ctx.body = 'ok'
      },
    })
    const answered = answer(bench)
    const told = () => bench.http.seen.events.some(({ type }) => type === 'waits_for_itself')
    while (!told()) await new Promise((resolve) => setImmediate(resolve))
    reported.resolve()
    expect((await answered).status).toBe(200)
  })
})

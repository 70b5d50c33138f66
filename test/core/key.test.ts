import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, inProcess } from 'koa-afterglow'
import { manualClock } from 'koa-afterglow/testing'
import { serveByHand } from '../support/http-server.ts'
import { ask } from '../support/http-client.ts'
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

describe('a task that several requests asked for by its key', () => {
  const RUN_ON = { runOn: 'success' } as const

  /** Each request adds the same, then waits for its turn to answer with the status in its path. */
  async function asked(paths: readonly string[]) {
    const turns = new Map(paths.map((path) => [path, { added: gate(), answers: gate() }]))
    const bench = await serveByHand({
      handler: async (ctx) => {
        const turn = turns.get(ctx.path)
        ctx.tasks.add('reindex', () => 1, { key: 'all', override: RUN_ON })
        turn?.added.resolve()
        await turn?.answers.promise
        ctx.status = Number(ctx.path.slice(1, 4))
      },
    })
    const answered = new Map<string, Promise<unknown>>()
    for (const path of paths) {
      answered.set(path, ask(bench.port, 'http1', { path }))
      await turns.get(path)?.added.promise
    }
    const answer = async (path: string, count: number) => {
      turns.get(path)?.answers.resolve()
      await answered.get(path)
      await bench.gated(count)
      await bench.clock.settle()
    }
    return { ...bench, answer }
  }

  test.each([
    ['the first failed and the second did not', ['/500-a', '/200-b'], 'completed'],
    ['the second failed and the first did not', ['/200-a', '/500-b'], 'completed'],
    ['both failed', ['/500-a', '/503-b'], 'skipped'],
  ])("with runOn 'success' runs if any of them succeeded: %s", async (_, paths, outcome) => {
    await using bench = await asked(paths)
    await bench.answer(paths[0] ?? '', 1)
    expect(bench.seen.outcomes).toEqual([])
    await bench.answer(paths[1] ?? '', 2)
    expect(bench.seen.outcomes).toMatchObject([{ outcome: { outcome } }])
    expect(bench.tasks.stats().submissions).toMatchObject({ accepted: 1, duplicate: 1 })
    expect(missing(bench.tasks)).toBe(0)
  })

  test('runs whatever the responses were if somebody outside of a request asked, too', async () => {
    await using bench = await asked(['/500-a'])
    expect(bench.tasks.add('reindex', () => 2, { key: 'all' }).duplicate).toBe(true)
    await bench.answer('/500-a', 1)
    expect(bench.seen.outcomes).toMatchObject([{ outcome: { outcome: 'completed', value: 1 } }])
  })
})

describe('limits.maxPerRequest', () => {
  test('is of the tasks that have not ended, so that a stream may go on adding', async () => {
    const codes: unknown[] = []
    await using bench = await serveByHand({
      limits: { maxPerRequest: 2 },
      handler: async (ctx) => {
        const add = () => {
          try {
            return ctx.tasks.add('work', () => 1)
          } catch (error) {
            codes.push((error as { code: unknown }).code)
            return undefined
          }
        }
        const adds = [add(), add(), add()]
        ctx.tasks.release()
        await bench.clock.settle()
        await adds[0]?.settled
        add()
        add()
        ctx.body = 'ok'
      },
    })
    await ask(bench.port, 'http1')
    await bench.gated()
    await bench.clock.settle()
    expect(codes).toEqual(['ERR_AFTERGLOW_OVERLOADED'])
    expect(bench.gates).toMatchObject([{ submitted: 4, rejected: 1 }])
    expect(bench.tasks.stats().outcomes.completed).toBe(4)
  })

  test('says nothing about duplicates: they are no further tasks, and wait for their response once', async () => {
    await using bench = await serveByHand({
      limits: { maxPerRequest: 1, maxPending: 1 },
      handler: (ctx) => {
        for (let n = 0; n < 50; n++) ctx.tasks.add('work', () => 1, { key: 'one' })
        ctx.body = 'ok'
      },
    })
    expect(await ask(bench.port, 'http1')).toMatchObject({ status: 200 })
    await bench.gated()
    await bench.clock.settle()
    expect(bench.gates).toMatchObject([{ submitted: 1, rejected: 0 }])
    expect(bench.tasks.stats()).toMatchObject({
      submissions: { accepted: 1, duplicate: 49, rejected: 0 },
      outcomes: { completed: 1 },
    })
  })
})

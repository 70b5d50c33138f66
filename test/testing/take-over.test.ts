import { describe, expect, jest, test } from '@jest/globals'
import Koa, { type Context } from 'koa'
import { createTasks, defineTask, inProcess, type Engine, type TasksOptions } from 'koa-afterglow'
import { takeOver, type TakeOverOptions } from 'koa-afterglow/testing'
import { once } from 'node:events'
import request from 'supertest'
import { connectHttp2 } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'

const ran: unknown[] = []
const note = defineTask({ name: 'note', run: (what: string) => void ran.push(what) })
const flaky = defineTask({
  name: 'flaky',
  retry: { attempts: 3, backoff: 'fixed', baseDelayMs: 60_000 },
  run: (_input: void, { attempt }) => {
    if (attempt < 3) throw new Error(`attempt ${attempt} failed`)
  },
})

/** An application as it is: one object for the whole module, made before any test begins. */
function appOf(handler: (ctx: Context) => unknown, options: TasksOptions = {}) {
  ran.length = 0
  const tasks = createTasks({ logger: false, ...options })
  const app = new Koa()
  app.silent = true
  app.use(tasks.middleware())
  app.use(async (ctx) => {
    await handler(ctx)
    ctx.body ??= 'done'
  })
  return { app, tasks, take: (taken: TakeOverOptions = {}) => takeOver(tasks, { patienceMs: 500, ...taken }) }
}
const noHandler = () => undefined

describe('takeOver() inline', () => {
  test('runs the tasks of a request behind its response', async () => {
    const { app, take } = appOf((ctx) => ctx.tasks.add(note, 'hello'))
    using kit = take()
    await request(app.callback()).get('/')
    await kit.idle()
    expect(ran).toEqual(['hello'])
    expect(kit.task(note)).toMatchObject({ name: 'note', input: 'hello', outcome: { outcome: 'completed' } })
  })

  test('runs what is added outside of a request as soon as the caller returned, never on its stack', async () => {
    const { tasks, take } = appOf(noHandler)
    using _kit = take()
    tasks.add(note, 'outside')
    expect(ran).toEqual([])
    await Promise.resolve()
    expect(ran).toEqual(['outside'])
  })

  test('idle() waits for what runs, for what it adds, and for its hooks', async () => {
    const heard: string[] = []
    const onDead = async () => {
      await new Promise((resolve) => setImmediate(resolve))
      heard.push('dead')
    }
    const { tasks, take } = appOf(noHandler, { hooks: { onDead } })
    using kit = take()
    tasks.add('slow', async (task) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      task.add('child', () => {
        throw new Error('boom')
      })
    })
    await kit.idle()
    expect(kit.added.map(({ name, depth }) => [name, depth])).toEqual([
      ['slow', 0],
      ['child', 1],
    ])
    expect(heard).toEqual(['dead'])
  })

  test('idle() says what is in the way of it', async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take({ patienceMs: 50 })
    tasks.add('hangs', () => new Promise(() => {}))
    await expect(kit.idle()).rejects.toThrow("kit.idle(): not within 50 ms\n  - 'hangs' runs (attempt 1 of 1)")
  })

  test('keeps to the concurrency of the runner and of a task', async () => {
    let running = 0
    let most = 0
    const narrow = defineTask({
      name: 'narrow',
      concurrency: 2,
      async run() {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
      },
    })
    const { tasks, take } = appOf(noHandler)
    using kit = take()
    for (let n = 0; n < 6; n++) tasks.add(narrow)
    await kit.idle()
    expect([most, kit.tasks(narrow).length]).toEqual([2, 6])
  })
})

describe('takeOver() manual', () => {
  test('runs nothing until it is told to, and then one attempt at a time', async () => {
    const { app, take } = appOf((ctx) => {
      ctx.tasks.add(note, 'first')
      ctx.tasks.add(note, 'second')
      ctx.tasks.add(note, 'urgent', { priority: 'high' })
    })
    using kit = take({ mode: 'manual' })
    await request(app.callback()).get('/')
    await kit.idle()
    expect(ran).toEqual([])
    expect(await kit.runNext()).toMatchObject({ input: 'urgent', outcome: { outcome: 'completed' } })
    expect(ran).toEqual(['urgent'])
    await kit.drain()
    expect(ran).toEqual(['urgent', 'first', 'second'])
    expect(await kit.runNext()).toBeUndefined()
  })

  test('runNext(task) runs the next of that task', async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take({ mode: 'manual' })
    tasks.add(flaky)
    tasks.add(note, 'me')
    expect(await kit.runNext(note)).toMatchObject({ input: 'me' })
    expect(kit.task(flaky).state).toBe('queued')
    expect(await kit.runNext('nothing-of-this-name')).toBeUndefined()
  })

  test('runNext() waits for the response that holds a task', async () => {
    const { app, take } = appOf((ctx) => ctx.tasks.add(note, 'held'))
    using kit = take({ mode: 'manual' })
    const answered = Promise.resolve(request(app.callback()).get('/'))
    while (kit.added.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await kit.runNext()).toMatchObject({ input: 'held', request: { response: 'sent', statusCode: 200 } })
    await answered
  })

  test('drain() refuses to go on for ever', async () => {
    const { tasks, take } = appOf(noHandler, { limits: { maxDepth: 1_000_000 } })
    using kit = take({ mode: 'manual' })
    const again = (): void => void tasks.add('again', again, { delayMs: 1_000 })
    again()
    await expect(kit.drain()).rejects.toThrow('does a task add itself again?')
  })
})

describe('takeOver() off', () => {
  test('records, and runs nothing', async () => {
    const { app, take } = appOf((ctx) => ctx.tasks.add(note, 'recorded'))
    using kit = take({ mode: 'off' })
    await request(app.callback()).get('/')
    await kit.idle()
    expect(kit.task(note)).toMatchObject({ input: 'recorded', outcome: undefined })
    expect(ran).toEqual([])
    await expect(kit.drain()).rejects.toThrow("in mode 'off' nothing runs")
    await expect(kit.runNext()).rejects.toThrow("mode 'manual'")
  })
})

describe('the clock of a kit', () => {
  test('stands until it is turned: delays, backoffs, timeouts and expiry take no time', async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take()
    tasks.add(note, 'later', { delayMs: 3_600_000 })
    tasks.add(flaky)
    await kit.idle()
    expect([kit.task(note).state, kit.task(flaky).state, ran]).toEqual(['delayed', 'backoff', []])
    await kit.clock.advance(60_000)
    expect(kit.task(flaky).attempts.map(({ outcome }) => outcome)).toEqual(['retried', 'retried'])
    await kit.clock.advance(3_540_000)
    expect(ran).toEqual(['later'])
    expect(kit.task(flaky).outcome).toMatchObject({ outcome: 'completed', attempts: 3 })
  })

  test('a task that hangs times out when it has been turned so far', async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take()
    tasks.add(
      'hangs',
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    await Promise.resolve()
    await kit.clock.advance(29_999)
    expect(kit.task('hangs').state).toBe('running')
    await kit.clock.advance(1)
    expect(kit.task('hangs').outcome).toMatchObject({ outcome: 'timed_out' })
  })

  test('what expires while nobody runs it is dropped', async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take({ mode: 'manual' })
    tasks.add(note, 'too late', { expiresMs: 1_000 })
    await kit.clock.advance(1_000)
    expect(await kit.runNext()).toMatchObject({ outcome: { outcome: 'dropped' } })
    expect(ran).toEqual([])
  })

  test('drain() moves it past delays and backoffs, to the end of everything', async () => {
    const { tasks, take } = appOf(noHandler)
    for (const mode of ['inline', 'manual'] as const) {
      using kit = take({ mode })
      tasks.add(flaky)
      tasks.add(note, mode, { delayMs: 86_400_000 })
      await kit.drain()
      expect(kit.added.map(({ outcome }) => outcome?.outcome)).toEqual(['completed', 'completed'])
    }
    expect(ran).toEqual(['inline', 'manual'])
  })

  test("clock: 'system' is time that passes by itself", async () => {
    const { tasks, take } = appOf(noHandler)
    using kit = take({ clock: 'system' })
    tasks.add(note, 'soon', { delayMs: 5 })
    await kit.idle()
    expect(ran).toEqual(['soon'])
    await expect(kit.clock.advance(1)).rejects.toThrow('time passes by itself')
  })
})

describe('taking over', () => {
  /** An engine that must not be touched. */
  function untouchable(): Engine {
    const never = (): never => {
      throw new Error('the real engine was used')
    }
    const capabilities = { durable: false, delay: true, priority: true, lateByMs: 0 }
    return {
      name: 'real',
      capabilities,
      start: never,
      enqueue: never,
      cancel: never,
      wake: never,
      stop: never,
      stats: never,
    }
  }

  test('leaves every real engine alone, and telemetry with its name', async () => {
    const engines = { default: untouchable(), other: untouchable() }
    const { app, take } = appOf(
      (ctx) => {
        ctx.tasks.add(note, 'one')
        ctx.tasks.add(note, 'two', { override: { engine: 'other' } })
      },
      { engines },
    )
    using kit = take()
    await request(app.callback()).get('/')
    await kit.idle()
    expect(ran).toEqual(['one', 'two'])
    expect(kit.telemetry.span({ task: kit.tasks(note)[0]! }).attributes).toMatchObject({ 'afterglow.engine': 'real' })
  })

  test('gives everything back: the next add is real again, and counts are as if nothing had been', async () => {
    const { app, tasks, take } = appOf((ctx) => ctx.tasks.add(note, ctx.path))
    {
      using kit = take({ mode: 'off' })
      await request(app.callback()).get('/taken')
      expect(tasks.stats().submissions.accepted).toBe(1)
      expect(kit.added).toHaveLength(1)
    }
    expect(tasks.stats().submissions.accepted).toBe(0)
    await request(app.callback()).get('/real')
    await tasks.idle()
    expect(ran).toEqual(['/real'])
  })

  test('can be done again and again, each time with nothing left of the last', async () => {
    const { tasks, take } = appOf(noHandler)
    for (let n = 0; n < 3; n++) {
      using kit = take()
      tasks.add(note, `${n}`)
      await kit.idle()
      expect(kit.added).toHaveLength(1)
    }
    expect(ran).toEqual(['0', '1', '2'])
  })

  test('twice at once is refused, by name', () => {
    const { tasks, take } = appOf(noHandler)
    using _kit = take()
    expect(() => takeOver(tasks)).toThrow('taken over already')
    expect(() => takeOver({ add: tasks.add })).toThrow('expected what createTasks() gave')
    expect(() => takeOver(tasks, { mode: 'sometimes' as never })).toThrow("expected 'inline', 'manual' or 'off'")
  })

  test('keeps middleware, observers, hooks, services and tasks of the application', async () => {
    const log: string[] = []
    const services = {
      cradle: { it: 'a service' },
      createScope: () => ({ cradle: services.cradle, dispose: async () => void log.push('disposed') }),
    }
    const { tasks, take } = appOf(noHandler, {
      services: services as never,
      hooks: { onError: ({ message }) => void log.push(message) },
    })
    tasks.use(async (task, next) => {
      log.push(`round ${task.name}`)
      await next()
    })
    tasks.observe({ name: 'own', settled: ({ name }, { outcome }) => void log.push(`${name} ${outcome}`) })
    tasks.register(note)
    using kit = take({ mode: 'manual' })
    tasks.pause('note')
    tasks.add('broken', (task) => {
      log.push((task.services as { it?: string }).it ?? 'none')
      throw new Error('boom')
    })
    await kit.drain()
    expect(log).toEqual(['round broken', 'a service', 'disposed', 'boom', 'broken failed'])
  })

  test('what is composed by calls meanwhile is there afterwards', async () => {
    const { tasks, take } = appOf(noHandler)
    const seen: string[] = []
    {
      using _kit = take()
      tasks.use(async (task, next) => {
        seen.push(task.name)
        await next()
      })
    }
    tasks.add(note, 'real')
    await tasks.idle()
    expect(seen).toEqual(['note'])
  })

  test('a test of the shutdown closes what stands in, not the application', async () => {
    const { tasks, take } = appOf(noHandler)
    {
      using kit = take({ mode: 'manual' })
      tasks.add(note, 'waits')
      const closing = tasks.close()
      expect(await kit.runNext()).toMatchObject({ outcome: { outcome: 'completed' } })
      expect(await closing).toMatchObject({ settled: 1, interrupted: [] })
      expect(() => tasks.add(note, 'closed')).toThrow('closed')
    }
    tasks.add(note, 'open')
    await tasks.idle()
    expect(ran).toEqual(['waits', 'open'])
  })

  test('aborts what still runs when they are given back, and takes nothing more from it', async () => {
    const { tasks, take } = appOf(noHandler)
    let signal: AbortSignal | undefined
    const kit = take()
    tasks.add('hangs', (task) => {
      signal = task.signal
      return new Promise(() => {})
    })
    await Promise.resolve()
    kit[Symbol.dispose]()
    expect(signal?.aborted).toBe(true)
  })
})

describe('the tasks of one request', () => {
  const handler = (ctx: Context) => {
    if (ctx.path === '/throws') {
      ctx.tasks.add(note, 'of an error')
      ctx.throw(500)
    }
    ctx.tasks.add('parent', (task) => void task.add(note, ctx.path))
  }

  test('are found by the response of supertest, with what they added', async () => {
    const { app, take } = appOf(handler)
    using kit = take()
    const [one, two] = await Promise.all(['/one', '/two'].map((path) => request(app.callback()).get(path)))
    expect((await kit.tasksOf(one!)).map(({ name, input }) => [name, input])).toEqual([
      ['parent', undefined],
      ['note', '/one'],
    ])
    expect((await kit.tasksOf(two!)).map(({ input }) => input)).toEqual([undefined, '/two'])
    expect(kit.requestOf(one!)).toMatchObject({ method: 'GET', statusCode: 200, response: 'sent' })
  })

  test('are found by the response of fetch', async () => {
    const { app, take } = appOf(handler)
    using kit = take()
    const server = app.listen(0)
    const { port } = server.address() as { port: number }
    const response = await fetch(`http://127.0.0.1:${port}/fetched`, { headers: { connection: 'close' } })
    expect((await kit.tasksOf(response)).map(({ name }) => name)).toEqual(['parent', 'note'])
    server.close()
  })

  test('are found by the response that Koa makes of an error', async () => {
    const { app, take } = appOf(handler)
    using kit = take()
    const response = await request(app.callback()).get('/throws')
    expect(response.status).toBe(500)
    expect(await kit.tasksOf(response)).toMatchObject([{ input: 'of an error', request: { statusCode: 500 } }])
  })

  test.each(['/two', '/throws'])('are found over HTTP/2: %s', async (path) => {
    const { app, take } = appOf(handler)
    using kit = take()
    await using listening = await listen(app, 'h2c')
    const session = connectHttp2(listening.port, 'h2c')
    const [headers] = (await once(session.request({ ':path': path }), 'response')) as [Record<string, string>]
    expect((await kit.tasksOf({ headers })).map(({ name }) => name)).toContain('note')
    session.close()
  })

  test('are none, clearly, of anything that is not such a response', async () => {
    const { app, take } = appOf(handler)
    const before = await request(app.callback()).get('/')
    expect(before.headers).not.toHaveProperty('afterglow-test-request')
    using kit = take()
    await expect(kit.tasksOf(before)).rejects.toThrow('was it taken over then?')
    await expect(kit.tasksOf(undefined as never)).rejects.toThrow('expected a response')
    await expect(kit.tasksOf({ headers: { 'afterglow-test-request': 'x' } })).rejects.toThrow('from before')
  })
})

test('works beside the fake timers of the test runner', async () => {
  jest.useFakeTimers()
  try {
    const { tasks, take } = appOf(noHandler)
    const kit = take()
    tasks.add(flaky)
    tasks.add('slow', () => new Promise((resolve) => setTimeout(resolve, 1_000)))
    await Promise.resolve()
    jest.advanceTimersByTime(1_000) // the handler's time
    await kit.idle()
    expect(kit.task('slow').outcome).toMatchObject({ outcome: 'completed' })
    await kit.clock.advance(120_000) // the time of tasks
    expect(kit.task(flaky).outcome).toMatchObject({ outcome: 'completed', attempts: 3 })
    await kit.end()
  } finally {
    jest.useRealTimers()
  }
})

test('works where the timers are fake before it is loaded', async () => {
  jest.useFakeTimers()
  jest.resetModules()
  try {
    const anew = await import('koa-afterglow/testing')
    const { tasks } = appOf(noHandler)
    const kit = anew.takeOver(tasks)
    tasks.add(flaky)
    await kit.drain()
    expect(kit.task(flaky).attempts).toHaveLength(3)
    await kit.end()
  } finally {
    jest.useRealTimers()
  }
})

describe('the end of a test', () => {
  test('fails for a task that is still in flight, after waiting for it', async () => {
    const { tasks, take } = appOf(noHandler)
    const kit = take({ patienceMs: 50 })
    tasks.add('hangs', () => new Promise(() => {}))
    tasks.add(flaky)
    await expect(kit.end()).rejects.toThrow(
      "the test leaves behind:\n  - 'hangs' runs (attempt 1 of 1)\n  - 'flaky' waits for its next attempt (2 of 3)",
    )
    using _again = take()
  })

  test('does not fail for what ends by itself, nor for what was told to start later', async () => {
    const { tasks, take } = appOf(noHandler)
    {
      await using _kit = take()
      tasks.add('slow', () => new Promise((resolve) => setTimeout(resolve, 20)))
      const later = tasks.add(note, 'tomorrow', { delayMs: 86_400_000 })
      tasks.add(note, 'after that', { after: [later] })
    }
    expect(ran).toEqual([])
  })

  test('does not fail for what nobody ran where tasks run only when told', async () => {
    const { tasks, take } = appOf(noHandler)
    for (const mode of ['manual', 'off'] as const) {
      await using _kit = take({ mode })
      tasks.add(note, 'waits')
    }
    expect(ran).toEqual([])
  })

  test('fails for errors that reached nobody', async () => {
    const { tasks, take } = appOf(noHandler, {
      hooks: {
        onDead: () => {
          throw new Error('the pager is broken')
        },
      },
    })
    const kit = take()
    tasks.add('broken', () => {
      throw new Error('boom')
    })
    await expect(kit.end()).rejects.toThrow('an error that escaped: hook onDead: the pager is broken')
    expect(kit.strayErrors).toMatchObject([{ where: 'hook onDead' }])
  })
})

test('an engine given to createTasks is used again once they are given back', async () => {
  const { tasks, take } = appOf(noHandler, { engines: { default: inProcess() } })
  tasks.add(note, 'before')
  await tasks.idle()
  take()[Symbol.dispose]()
  tasks.add(note, 'after')
  await tasks.idle()
  expect(ran).toEqual(['before', 'after'])
})

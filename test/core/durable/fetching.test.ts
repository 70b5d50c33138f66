import { describe, expect, test } from '@jest/globals'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createTasks, defineTask, type Engine, type Outcome, type Task, type TaskContext } from 'koa-afterglow'
import { memoryEngine, MemoryStore } from 'koa-afterglow/testing'
import { z } from 'zod'
import { durableTasks, outcomesOf, resultsOf, type DurableBench } from '../../support/durable.ts'
import { gate, missing } from '../../support/runner.ts'

type Handler = (task: TaskContext) => unknown

/** A task of the same name in each process; each process may do something else for it. */
const note = (run: Handler, more: object = {}): Task =>
  defineTask({ name: 'note', engine: 'durable', run: (_input: unknown, task) => run(task), ...more })

/** Stored by a process that does not work. */
async function stored(
  more: object = {},
  count = 1,
  options: object = {},
): Promise<DurableBench & { ids: readonly string[] }> {
  const adds = durableTasks()
  await adds.tasks.start({ consume: false })
  const task = note(() => undefined, more)
  const ids = Array.from({ length: count }, (_, index) => adds.tasks.add(task, { index }, options).id)
  await adds.clock.settle()
  return { ...adds, ids }
}

/** Another process on the same store. */
async function works(on: DurableBench, task: Task, options: object = {}): Promise<DurableBench> {
  const bench = durableTasks({ on, register: [task], ...options })
  await bench.tasks.start()
  await bench.clock.settle()
  return bench
}

const fails = (): never => {
  throw new Error('mailbox is full')
}

describe('a process that works off a store', () => {
  test('runs each attempt wherever it is fetched, after the delay that core computes', async () => {
    const retry = { attempts: 2, backoff: 'fixed', baseDelayMs: 5_000 }
    const adds = await stored()
    const attempts: unknown[] = []
    const first = await works(
      adds,
      note((task) => (attempts.push(['first', task.attempt]), fails()), { retry }),
    )
    expect(outcomesOf(first.seen)).toEqual(['note handed_over'])
    expect(first.seen.attempts.map(({ outcome }) => outcome.outcome)).toEqual(['retried'])
    await first.tasks.close()
    const second = await works(
      adds,
      note((task) => attempts.push(['second', task.attempt, task.waitMs]), { retry }),
    )
    await adds.clock.advance(4_999)
    expect(attempts).toEqual([['first', 1]])
    await adds.clock.advance(1)
    expect(attempts).toEqual([
      ['first', 1],
      ['second', 2, 0],
    ])
    expect(outcomesOf(second.seen)).toEqual(['note completed'])
    expect([missing(first.tasks), missing(second.tasks)]).toEqual([0, 0])
  })

  test('takes what travelled with the task: input, id, depth, request, settings of this one', async () => {
    const adds = await stored({}, 1, {
      override: { timeoutMs: Infinity, retry: { attempts: 7, maxDelayMs: Infinity } },
      priority: 'high',
    })
    let seen: unknown
    await works(
      adds,
      note(({ input, id, depth, settings, engine, durable, request }) => {
        seen = { input, id, depth, timeoutMs: settings.timeoutMs, retry: settings.retry, engine, durable, request }
      }),
    )
    expect(seen).toMatchObject({
      input: { index: 0 },
      id: adds.ids[0],
      depth: 0,
      timeoutMs: Infinity,
      retry: { attempts: 7, maxDelayMs: Infinity },
      engine: 'memory',
      durable: true,
      request: undefined,
    })
  })

  test('parses the input again by its own schema', async () => {
    const adds = durableTasks()
    const schema = z.object({ at: z.coerce.date() })
    const ran: unknown[] = []
    const task = defineTask({ name: 'note', engine: 'durable', schema, run: ({ at }) => void ran.push(at) })
    adds.tasks.add(task, { at: '2026-01-01T00:00:00.000Z' })
    await adds.clock.settle()
    expect(ran).toEqual([new Date(Date.UTC(2026, 0, 1))])
  })

  test('keeps as dead what no longer fits its schema, with the reason', async () => {
    const adds = await stored()
    const task = defineTask({ name: 'note', engine: 'durable', schema: z.object({ email: z.email() }), run: () => 1 })
    const dead: Outcome[] = []
    const worker = await works(adds, task, { hooks: { onDead: (outcome: Outcome) => void dead.push(outcome) } })
    expect(outcomesOf(worker.seen)).toEqual(['note failed'])
    expect(dead).toHaveLength(1)
    const [kept] = await worker.tasks.dead.list()
    expect(kept).toMatchObject({ id: adds.ids[0], name: 'note' })
    expect(kept?.note).toMatchObject({
      outcome: 'failed',
      attempts: 0,
      errorType: 'InvalidInputError',
      message: 'invalid input at email',
      reason: 'what was stored as its input no longer fits',
    })
    expect(missing(worker.tasks)).toBe(0)
  })

  test('leaves alone what it does not know, says so once, and takes it once it does', async () => {
    const adds = await stored({}, 3)
    const worker = await works(adds, defineTask({ name: 'other', run: () => 1 }))
    const told = () => worker.seen.events.filter(({ type }) => type === 'unknown_task')
    expect(told()).toMatchObject([{ engine: 'memory', name: 'note' }])
    expect(worker.tasks.stats().submissions.fetched).toBe(0)
    await worker.clock.advance(60_000)
    expect(told()).toHaveLength(1)
    const ran: unknown[] = []
    worker.tasks.register(note(({ attempt }) => ran.push(attempt)))
    await worker.clock.settle()
    expect(ran).toEqual([1, 1, 1])
  })

  test('keeps what another version stored, and says so once', async () => {
    const adds = await stored()
    const store: MemoryStore = adds.store
    const [envelope] = store.claim({ lost: () => undefined, wake: () => undefined }, 1, new Set()).map(([one]) => one)
    const other = new MemoryStore({ clock: adds.clock })
    other.insert([JSON.parse(JSON.stringify(envelope).replace('"v":1', '"v":2')) as never])
    const worker = await works(
      { ...adds, store: other },
      note(() => 1),
    )
    expect(worker.seen.events).toMatchObject([
      { type: 'unknown_task', reason: 'another version of koa-afterglow stored it' },
    ])
    expect(other.count().ready + other.count().delayed).toBe(1)
  })

  test('drops what expired meanwhile, and keeps it as dead', async () => {
    const adds = await stored({}, 1, { expiresMs: 1_000 })
    await adds.clock.advance(1_000)
    const worker = await works(
      adds,
      note(() => 1),
    )
    expect(outcomesOf(worker.seen)).toEqual(['note dropped'])
    expect((await worker.tasks.dead.list())[0]?.note).toMatchObject({
      outcome: 'dropped',
      reason: 'expired after 1000 ms',
    })
  })

  test('starts a delayed task at its time', async () => {
    const ran: unknown[] = []
    const adds = await stored({}, 1, { delayMs: 500 })
    await works(
      adds,
      note(({ delayMs }) => ran.push(delayMs)),
    )
    await adds.clock.advance(499)
    expect(ran).toEqual([])
    await adds.clock.advance(1)
    expect(ran).toEqual([500])
  })

  test('keeps to its own limits: concurrency, rate, pause', async () => {
    const open = gate()
    let running = 0
    const adds = await stored({}, 6)
    const worker = await works(
      adds,
      note(() => (running++, open.promise), { concurrency: 2 }),
    )
    expect(running).toBe(2)
    worker.tasks.pause('note')
    open.resolve()
    await worker.clock.settle()
    expect(running).toBe(2)
    worker.tasks.resume('note')
    await worker.clock.settle()
    expect(running).toBe(6)

    const rated = await stored({}, 3)
    let started = 0
    await works(
      rated,
      note(() => started++, { rateLimit: { max: 1, perMs: 1_000 } }),
    )
    expect(started).toBe(1)
    await rated.clock.advance(1_000)
    expect(started).toBe(2)
  })

  test('takes no more than limits.concurrency', async () => {
    const adds = await stored({}, 5)
    let running = 0
    await works(
      adds,
      note(() => (running++, new Promise(() => undefined))),
      { limits: { concurrency: 3 } },
    )
    expect(running).toBe(3)
  })

  test("runs tasks in nobody's async context", async () => {
    const context = new AsyncLocalStorage<string>()
    const { tasks, clock } = durableTasks()
    let seen: unknown = 'nothing ran'
    const task = note(() => (seen = context.getStore()))
    context.run('of a stranger', () => void tasks.add(task))
    await clock.settle()
    expect(seen).toBeUndefined()

    // Nor where its engine starts it in the context of whoever wakes it.
    const { store } = await stored()
    const [[envelope] = []] = store.claim({ lost: () => undefined, wake: () => undefined }, 1, new Set())
    let run = (): void => undefined
    const waking: Engine = {
      name: 'waking',
      capabilities: { durable: true, delay: true, priority: true, lateByMs: 0 },
      start: (host) => {
        run = () => envelope && host.run(envelope, () => undefined)
      },
      enqueue: () => [],
      cancel: () => 'unknown',
      wake: () => run(),
      stop: () => [],
      stats: () => ({ scope: 'store', ready: 0, delayed: 0, running: 0, oldestReadyMs: 0 }),
    }
    seen = 'nothing ran'
    const woken = durableTasks({ register: [task], engines: { durable: waking } })
    await woken.tasks.start()
    woken.tasks.pause('note')
    context.run('of a stranger', () => woken.tasks.resume('note'))
    expect(seen).toBeUndefined()
  })

  test('lets its tasks add tasks, which keep depth and request', async () => {
    const { tasks, clock, seen } = durableTasks()
    const child = defineTask({ name: 'child', engine: 'durable', run: (_: void, task) => task.depth })
    tasks.add(note((task) => (task.add(child), tasks.add('local', () => 1))))
    await clock.settle()
    expect(outcomesOf(seen).toSorted()).toEqual([
      'child completed',
      'child handed_over',
      'local completed',
      'note completed',
      'note handed_over',
    ])
    expect(
      seen.outcomes.filter(({ name }) => name === 'child').map(({ outcome }) => 'value' in outcome && outcome.value),
    ).toContain(1)
  })
})

describe('what ended badly is dead and kept', () => {
  test('it is listed with what may be said of it, masked; retried from attempt 1; discarded', async () => {
    const adds = await stored({}, 2)
    let broken = true
    const attempts: number[] = []
    const task = note(({ attempt }) => {
      attempts.push(attempt)
      if (broken) throw new TypeError('no reply from smtp://user:hunter2@mail')
    })
    const worker = await works(adds, task)
    const dead = await worker.tasks.dead.list()
    expect(dead).toHaveLength(2)
    expect(dead[0]).toMatchObject({ name: 'note', note: { outcome: 'failed', attempts: 1, errorType: 'TypeError' } })
    expect(dead[0]?.note.message).toBe('no reply from smtp://[masked]@mail')
    expect(await worker.tasks.dead.list({ name: 'other' })).toEqual([])
    expect(await worker.tasks.dead.list({ limit: 1 })).toHaveLength(1)
    broken = false
    expect(await worker.tasks.dead.retry(adds.ids[0] ?? '')).toBe(true)
    expect(await worker.tasks.dead.discard(adds.ids[1] ?? '')).toBe(true)
    expect(await worker.tasks.dead.retry('0'.repeat(32))).toBe(false)
    await worker.clock.settle()
    expect(attempts).toEqual([1, 1, 1])
    expect(await worker.tasks.dead.list()).toEqual([])
    expect(missing(worker.tasks)).toBe(0)
  })

  test('after its last attempt, with both hooks in the process it ran in', async () => {
    const adds = await stored()
    const heard: string[] = []
    const hooks = { onError: () => void heard.push('error'), onDead: () => void heard.push('dead') }
    const retry = { attempts: 2, backoff: 'fixed', baseDelayMs: 10 }
    const worker = await works(adds, note(fails, { retry }), { hooks })
    expect(heard).toEqual(['error'])
    await worker.clock.advance(10)
    expect(heard).toEqual(['error', 'error', 'dead'])
    expect((await worker.tasks.dead.list())[0]?.note.attempts).toBe(2)
  })

  test('a task that takes its workers down is given up', async () => {
    const adds = await stored()
    for (let crashes = 0; crashes < 4; crashes++) {
      const worker = await works(
        adds,
        note(() => new Promise(() => undefined)),
      )
      expect(worker.tasks.stats().inFlight.running).toBe(1)
      worker.engine.crash()
    }
    const worker = await works(
      adds,
      note(() => 1),
    )
    expect(outcomesOf(worker.seen)).toEqual(['note failed'])
    expect((await worker.tasks.dead.list())[0]?.note.reason).toBe(
      'its worker was lost 4 times while it ran it (limits.maxLostClaims)',
    )
  })

  test('discarded and cancelled tasks are not', async () => {
    const adds = await stored()
    const worker = await works(
      adds,
      note((task) => task.discard('nobody wants it')),
    )
    expect(await worker.tasks.dead.list()).toEqual([])
    expect(adds.store.count()).toMatchObject({ ready: 0, delayed: 0, running: 0 })
  })
})

describe('cancelling by id', () => {
  test('takes a waiting task out of the store', async () => {
    const adds = await stored()
    expect(await adds.tasks.cancel(adds.ids[0] ?? '')).toBe(true)
    expect(await adds.tasks.cancel(adds.ids[0] ?? '')).toBe(false)
    const worker = await works(
      adds,
      note(() => 1),
    )
    expect(resultsOf(worker.seen)).toEqual([])
  })

  test('is cancelled in the one store that has it, whatever another store does', async () => {
    const away = new MemoryStore()
    const engines = { away: memoryEngine({ store: away }), other: memoryEngine() }
    await using tasks = createTasks({ logger: false, engines })
    away.before = () => Promise.reject(new Error('no such host'))
    const task = note(() => 1, { engine: 'other' })
    const { id, accepted } = tasks.add(task, { index: 0 }, { delayMs: 60_000 })
    expect(await accepted).toMatchObject({ accepted: true })
    expect(await tasks.cancel(id)).toBe(true)
    await expect(tasks.cancel(id)).rejects.toThrow("engine 'memory' failed to open its store")
  })

  test('aborts one that runs in this process, which ends as cancelled', async () => {
    const adds = await stored()
    const worker = await works(
      adds,
      note(
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      ),
    )
    expect(await worker.tasks.cancel(adds.ids[0] ?? '')).toBe(true)
    await worker.clock.settle()
    expect(outcomesOf(worker.seen)).toEqual(['note cancelled'])
    expect(adds.store.count().running).toBe(0)
  })

  test('aborts one that runs in another process, as soon as that notices', async () => {
    const adds = await stored()
    let reason: unknown
    const worker = await works(
      adds,
      note(
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject((reason = signal.reason) as Error))),
      ),
    )
    expect(await adds.tasks.cancel(adds.ids[0] ?? '')).toBe(true)
    await worker.clock.settle()
    expect(reason).toMatchObject({
      code: 'ERR_AFTERGLOW_INTERRUPTED',
      message: "engine 'memory' lost its claim on the task",
    })
    expect(worker.seen.attempts.map(({ outcome }) => outcome.outcome)).toEqual(['interrupted'])
    expect(missing(worker.tasks)).toBe(0)
    expect(adds.store.count()).toMatchObject({ ready: 0, delayed: 0, running: 0 })
  })

  test('by the handle that add() gave: before it is stored, and after', async () => {
    const { tasks, clock, seen, store } = durableTasks()
    await tasks.start({ consume: false })
    const task = note(() => 1)
    const early = tasks.add(task)
    early.cancel('changed my mind')
    expect(await early.accepted).toEqual({ accepted: true })
    const late = tasks.add(task)
    await clock.settle()
    late.cancel()
    await clock.settle()
    expect(store.count().ready).toBe(0)
    expect(outcomesOf(seen)).toEqual(['note cancelled', 'note handed_over'])
    expect(missing(tasks)).toBe(0)
  })
})

describe('a drain', () => {
  test('fetches nothing more, and gives back what does not end, at the cost of no attempt', async () => {
    const adds = await stored({}, 3)
    const obeys = note(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    )
    const heard: string[] = []
    const hooks = { onDead: () => void heard.push('dead') }
    const worker = await works(adds, obeys, { limits: { concurrency: 1 }, hooks })
    const closed = worker.tasks.close({ deadlineMs: 1_000 })
    await worker.clock.advance(1_000)
    const report = await closed
    expect(report).toMatchObject({ interrupted: [], settled: 0, handedOver: [{ name: 'note', id: adds.ids[0] }] })
    expect(report.outcomes).toMatchObject({ handed_over: 1, interrupted: 0 })
    expect(heard).toEqual([])
    expect(missing(worker.tasks)).toBe(0)
    const attempts: number[] = []
    await works(
      adds,
      note(({ attempt }) => attempts.push(attempt)),
    )
    expect(attempts).toEqual([1, 1, 1])
  })

  test('does not wait for a retry that is due only later: the store has it', async () => {
    const adds = await stored()
    const retry = { attempts: 2, backoff: 'fixed', baseDelayMs: 60_000 }
    const worker = await works(adds, note(fails, { retry }))
    expect(await worker.tasks.close({ deadlineMs: 1_000 })).toMatchObject({ interrupted: [], handedOver: [] })
    expect(adds.store.count().delayed).toBe(1)
  })

  test('lets an attempt that fails meanwhile be tried again elsewhere, at its time', async () => {
    const adds = await stored()
    const { promise, reject } = gate()
    const retry = { attempts: 2, backoff: 'fixed', baseDelayMs: 60_000 }
    const worker = await works(
      adds,
      note(() => promise, { retry }),
    )
    const closed = worker.tasks.close({ deadlineMs: 1_000 })
    reject(new Error('no'))
    await worker.clock.settle()
    expect(await closed).toMatchObject({ interrupted: [], handedOver: [] })
    expect(worker.seen.attempts.map(({ outcome }) => outcome.outcome)).toEqual(['retried'])
    expect(adds.store.count()).toMatchObject({ delayed: 1, ready: 0 })
  })

  test('waits for what is on its way into a store', async () => {
    const { tasks, clock, store, seen } = durableTasks()
    await tasks.start({ consume: false })
    store.before = (operation) =>
      operation === 'enqueue' ? new Promise<void>((resolve) => clock.setTimer(resolve, 100)) : undefined
    tasks.add(note(() => 1))
    const closed = tasks.close({ deadlineMs: 1_000 })
    await clock.advance(100)
    await closed
    expect(outcomesOf(seen)).toEqual(['note handed_over'])
  })

  test('ends at its deadline, also with a store that hangs', async () => {
    const { tasks, clock, store, seen } = durableTasks({ limits: { persistTimeoutMs: Infinity } })
    await tasks.start()
    store.before = () => new Promise(() => undefined)
    tasks.add(note(() => 1))
    const closed = tasks.close({ deadlineMs: 1_000 })
    await clock.advance(1_500)
    await closed
    expect(resultsOf(seen)).toEqual(['note rejected'])
    expect(missing(tasks)).toBe(0)
  })
})

describe('tasks.start()', () => {
  test('rejects while a store cannot be opened; the process recovers alone', async () => {
    const adds = await stored()
    const ran: unknown[] = []
    const bench = durableTasks({ on: adds, register: [note(() => ran.push(1))] })
    let down = true
    adds.store.before = (operation) => {
      if (operation === 'open' && down) throw new Error('connection refused')
    }
    await expect(bench.tasks.start()).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_ENGINE' })
    await adds.clock.advance(10_000)
    expect(bench.seen.events.filter(({ type }) => type === 'failure_of_our_own')).toHaveLength(1)
    down = false
    await adds.clock.advance(10_000)
    expect(ran).toEqual([1])
  })

  test('says what it was started with: another answer comes too late', async () => {
    const { tasks } = durableTasks()
    await tasks.start({ consume: false })
    await tasks.start({ consume: false })
    await expect(tasks.start()).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_ALREADY_STARTED' })
  })

  test('consume: false keeps tasks of the in-process engine running', async () => {
    const { tasks, clock, seen } = durableTasks()
    await tasks.start({ consume: false })
    tasks.add('local', () => 1)
    tasks.add(note(() => 1))
    await clock.settle()
    expect(outcomesOf(seen).toSorted()).toEqual(['local completed', 'note handed_over'])
  })
})

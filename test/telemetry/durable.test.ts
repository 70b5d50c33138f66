import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, defineTask, type Task, type TaskContext } from 'koa-afterglow'
import { memoryEngine, MemoryStore } from 'koa-afterglow/testing'
import { durableTasks } from '../support/durable.ts'
import { total, missingIn } from '../support/points.ts'
import {
  forgetMetrics,
  instrumented,
  remembering,
  SDK_NAMES,
  SDKS,
  served,
  type SeenSpan,
} from '../support/telemetry.ts'

const note = (run: (task: TaskContext) => unknown, more: object = {}): Task =>
  defineTask({ name: 'note', engine: 'durable', run: (_input: unknown, task) => run(task), ...more })

const linksOf = ({ links }: SeenSpan) =>
  links.map((link) => [link.attributes?.['afterglow.link.type'], link.context.traceId, link.context.spanId])
const idsOf = (span: SeenSpan) => [span.spanContext().traceId, span.spanContext().spanId]
const named = (spans: readonly SeenSpan[], name: string) => spans.filter((span) => span.name === name)

/** One request to a process that only stores, worked off by another. */
async function oneRequest(handle: (add: Koa.Context['tasks']['add']) => void, task: Task) {
  const store = new MemoryStore()
  const { lines, logger } = remembering()
  const [adding, working] = [1, 2].map(() => ({
    engines: { durable: memoryEngine({ store, queue: 'mails' }) },
    logger,
  }))
  const adds = createTasks({ ...adding, limits: { persistTimeoutMs: 30 } })
  const works = createTasks({ ...working, register: [task] })
  await adds.start({ consume: false })
  const app = new Koa()
  app.silent = true
  app.use(adds.middleware()).use((ctx) => {
    ctx.routePath = '/register'
    handle(ctx.tasks.add)
    ctx.body = 'ok'
  })
  // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
  await using server = await served(instrumented(app.callback()))
  return {
    store,
    lines,
    status: await server.get('/register'),
    /** Until the store is empty. */
    async work() {
      await works.start()
      while (Object.values(store.count()).some((count) => count > 0))
        await new Promise((resolve) => setImmediate(resolve))
      await works.idle()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe.each(SDK_NAMES)('a durable task with %s', (sdkName) => {
  const started = SDKS[sdkName]

  test('has a PRODUCER span under its request, and a CONSUMER span of its own trace that links it', async () => {
    await using sdk = started()
    const task = note(() => 1)
    const { work, lines } = await oneRequest((add) => void add(task), task)
    await work()
    const [server] = sdk.spans().filter(({ kind }) => kind === SpanKind.SERVER)
    const [send] = named(sdk.spans(), 'send mails')
    const [run] = named(sdk.spans(), 'run note')
    if (!server || !send || !run) throw new Error('a span is missing')
    const id = send.attributes['afterglow.task.id']
    expect(send).toMatchObject({
      kind: SpanKind.PRODUCER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'messaging.system': 'memory',
        'messaging.destination.name': 'mails',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.message.id': id,
        'afterglow.trace.relation': 'child',
      },
    })
    expect(send.parentSpanContext?.spanId).toBe(server.spanContext().spanId)
    expect(run.parentSpanContext).toBeUndefined()
    expect(linksOf(run)).toEqual([['send', ...idsOf(send)]])
    expect(run).toMatchObject({
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'memory',
        'messaging.destination.name': 'mails',
        'messaging.operation.name': 'run',
        'messaging.operation.type': 'process',
        'messaging.message.id': id,
        'afterglow.task.id': id,
        'afterglow.trace.relation': 'link',
        'afterglow.request.method': 'GET',
        'afterglow.request.route': '/register',
        'afterglow.request.status_code': 200,
        'afterglow.request.trace_id': server.spanContext().traceId,
        'afterglow.request.span_id': server.spanContext().spanId,
      },
    })
    expect(server.attributes).toMatchObject({
      'afterglow.submitted.count': 1,
      'afterglow.submitted.ids': [id],
      'afterglow.deferred': true,
    })
    const line = (event: string) => lines.find((one) => one['otel.event.name'] === event)
    expect(line('afterglow.task.handed_over')).toMatchObject({ trace_id: idsOf(send)[0], span_id: idsOf(send)[1] })
    expect(line('afterglow.task.completed')).toMatchObject({
      span_id: idsOf(run)[1],
      'afterglow.request.route': '/register',
      'afterglow.request.trace_id': server.spanContext().traceId,
    })
  })

  test('stores `traceparent` and `tracestate` alone, and never baggage', async () => {
    await using sdk = started()
    const { tasks, store, clock } = durableTasks()
    await tasks.start({ consume: false })
    const baggage = propagation.createBaggage({ user: { value: 'lovelace' } })
    const span = trace.getTracer('t').startSpan('caller')
    const active = propagation.setBaggage(trace.setSpan(context.active(), span), baggage)
    context.with(active, () => void tasks.add(note(() => 1)))
    await clock.settle()
    const [[envelope] = []] = store.claim({ lost: () => undefined, wake: () => undefined }, 1, new Set())
    const [send] = named(sdk.spans(), 'send afterglow')
    expect(envelope?.record.carrier).toEqual({
      traceparent: `00-${send?.spanContext().traceId}-${send?.spanContext().spanId}-01`,
    })
    expect(send?.parentSpanContext?.spanId).toBe(span.spanContext().spanId)
    expect(JSON.stringify(envelope)).not.toContain('lovelace')
  })

  test('links each attempt to the one before, whichever process that ran in', async () => {
    await using sdk = started()
    const retry = { attempts: 2, backoff: 'fixed', baseDelayMs: 10 }
    const task = note(({ attempt }) => (attempt === 1 ? Promise.reject(new TypeError('boom')) : 1), { retry })
    const first = durableTasks()
    await first.tasks.start()
    first.tasks.add(task)
    await first.clock.settle()
    await first.tasks.close()
    const second = durableTasks({ on: first, register: [task] })
    await second.tasks.start()
    await first.clock.advance(10)
    const [send] = named(sdk.spans(), 'send afterglow')
    const [one, two] = named(sdk.spans(), 'run note')
    if (!send || !one || !two) throw new Error('a span is missing')
    expect(two.attributes['afterglow.task.attempt']).toBe(2)
    expect(linksOf(two)).toEqual([
      ['send', ...idsOf(send)],
      ['previous_attempt', ...idsOf(one)],
    ])
  })

  test('says that a worker was lost while it had this attempt, on span and line and to its handler', async () => {
    await using sdk = started()
    const { lines, logger } = remembering()
    const seen: number[] = []
    let hangs = true
    const task = note(
      ({ lostClaims, attempt }) => {
        seen.push(lostClaims)
        if (hangs) return new Promise(() => undefined)
        return attempt === 1 ? Promise.reject(new TypeError('boom')) : 1
      },
      { retry: { attempts: 2, backoff: 'fixed', baseDelayMs: 10 } },
    )
    const lost = durableTasks({ register: [task] })
    await lost.tasks.start()
    lost.tasks.add(task)
    await lost.clock.settle()
    lost.engine.crash()
    hangs = false
    const works = durableTasks({ on: lost, register: [task], logger })
    await works.tasks.start()
    await lost.clock.advance(10)
    // Of the next attempt no worker was lost.
    expect(seen).toEqual([0, 1, 0])
    expect(named(sdk.spans(), 'run note').map(({ attributes }) => attributes['afterglow.task.lost_claims'])).toEqual([
      1,
      undefined,
    ])
    expect(lines).toMatchObject([
      { 'afterglow.task.outcome': 'retried', 'afterglow.task.lost_claims': 1 },
      { 'afterglow.task.outcome': 'completed' },
    ])
    expect(lines.filter((line) => 'afterglow.task.lost_claims' in line)).toHaveLength(1)
  })

  test("with relation: 'child' is a child of its PRODUCER span", async () => {
    await using sdk = started()
    const { tasks, clock } = durableTasks()
    tasks.add(note(() => 1, { relation: 'child' }))
    await clock.settle()
    const [send] = named(sdk.spans(), 'send afterglow')
    const [run] = named(sdk.spans(), 'run note')
    expect(run?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId)
  })

  test('that was not stored has a PRODUCER span in error, and no other', async () => {
    await using sdk = started()
    const { tasks, clock, store } = durableTasks({ limits: { persistTimeoutMs: 10 } })
    await tasks.start({ consume: false })
    store.before = (operation) => {
      if (operation === 'enqueue') throw new RangeError('connection to redis://u:hunter2@h refused')
    }
    tasks.add(note(() => 1))
    await clock.advance(10)
    const spans = sdk.spans()
    expect(spans.map(({ name }) => name)).toEqual(['send afterglow'])
    expect(spans[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'connection to redis://[masked]@h refused' },
      attributes: { 'error.type': 'TasksNotStoredError' },
    })
  })

  test('of a request that adds more than 50: PRODUCER spans have traces of their own', async () => {
    await using sdk = started()
    const task = note(() => 1)
    await oneRequest((add) => Array.from({ length: 51 }, () => add(task)), task)
    const sends = named(sdk.spans(), 'send mails')
    expect(sends).toHaveLength(51)
    expect(sends.every(({ parentSpanContext, links }) => !parentSpanContext && links.length === 1)).toBe(true)
  })

  test('that a drain gives back is said on its span and its line', async () => {
    await using sdk = started()
    const { lines, logger } = remembering()
    const { tasks, clock } = durableTasks({ logger })
    const obeys = ({ signal }: TaskContext) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    tasks.add(note(obeys))
    await clock.settle()
    const closed = tasks.close({ deadlineMs: 10 })
    await clock.advance(1_000)
    await closed
    const [drain] = named(sdk.spans(), 'drain')
    expect(drain?.attributes).toMatchObject({ 'afterglow.drain.handed_over': 1, 'afterglow.drain.interrupted': 0 })
    const line = (event: string) => lines.find((one) => one['otel.event.name'] === event)
    expect(line('afterglow.drained')).toMatchObject({ level: 30, 'afterglow.drain.handed_over': 1 })
    expect(line('afterglow.task.interrupted')).toMatchObject({
      level: 40,
      msg: 'task interrupted; it went back to its store',
    })
  })

  test('is counted by both processes, and its store says what it holds', async () => {
    forgetMetrics()
    await using sdk = started()
    const { tasks, clock, store } = durableTasks()
    await tasks.start({ consume: false })
    tasks.add(note(() => 1))
    tasks.add(
      note(() => 1, { name: 'later' }),
      undefined,
      { delayMs: 60_000 },
    )
    await clock.settle()
    await clock.advance(5_000)
    const points = await sdk.points()
    const depth = points.filter(({ name }) => name === 'afterglow.queue.depth')
    expect(depth.map(({ attributes, value }) => [attributes['afterglow.task.state'], value])).toEqual([
      ['queued', 1],
      ['delayed', 1],
      ['running', 0],
    ])
    expect(depth[0]?.attributes).toMatchObject({ 'afterglow.engine': 'memory', 'afterglow.queue.scope': 'store' })
    const oldest = points.filter(
      ({ name, attributes }) => name === 'afterglow.queue.oldest_age' && attributes['afterglow.queue.scope'],
    )
    expect(oldest.map(({ value }) => value)).toEqual([5])
    const handedOver = total(
      points,
      'afterglow.task.settled',
      (attributes) => attributes['afterglow.task.outcome'] === 'handed_over',
    )
    expect([handedOver, missingIn(points)]).toEqual([2, 0])
    const works = durableTasks({ on: { store, clock }, register: [note(() => 1)] })
    await works.tasks.start()
    await clock.settle()
    const later = await sdk.points()
    const fetched = total(
      later,
      'afterglow.task.submissions',
      (attributes) => attributes['afterglow.submission.result'] === 'fetched',
    )
    expect([fetched, missingIn(later)]).toEqual([1, 0])
    await Promise.all([tasks.close(), works.tasks.close()])
  })

  test('a store that does not answer keeps no other metric from being read', async () => {
    forgetMetrics()
    await using sdk = started()
    const { tasks, store } = durableTasks()
    await tasks.start({ consume: false })
    store.before = (operation) => (operation === 'stats' ? new Promise(() => undefined) : undefined)
    const points = await sdk.points()
    expect(points.some(({ name }) => name === 'afterglow.queue.capacity')).toBe(true)
    expect(points.some(({ name }) => name === 'afterglow.queue.depth')).toBe(false)
    await tasks.close()
  })
})

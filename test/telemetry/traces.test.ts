import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'
import { activeSpanOf, SDK_NAMES, SDKS, served } from '../support/telemetry.ts'
import { asked, named, one } from '../support/traced.ts'

const fail = () => {
  throw new TypeError('boom')
}

describe.each(SDK_NAMES)('traces with %s', (sdkName) => {
  const started = SDKS[sdkName]

  test('a task is a CONSUMER span, child of the SERVER span of its request, and each carries the facts of the other', async () => {
    await using sdk = started()
    let id = ''
    await asked((ctx) => {
      id = ctx.tasks.add('mail', () => 1).id
      ctx.body = 'ok'
    })
    const server = one(sdk, 'GET')
    const run = one(sdk, 'run mail')
    const { traceId, spanId } = server.spanContext()
    expect(run).toMatchObject({ kind: SpanKind.CONSUMER, status: { code: SpanStatusCode.UNSET }, links: [] })
    expect(run.parentSpanContext).toMatchObject({ traceId, spanId })
    expect(run.attributes).toEqual({
      'afterglow.task.name': 'mail',
      'afterglow.task.id': id,
      'afterglow.task.attempt': 1,
      'afterglow.task.max_attempts': 1,
      'afterglow.task.outcome': 'completed',
      'afterglow.task.timeout': 30,
      'afterglow.task.wait_time': expect.any(Number),
      'afterglow.engine': 'in_process',
      'afterglow.trace.relation': 'child',
      'afterglow.request.method': 'GET',
      'afterglow.request.status_code': 200,
      'afterglow.request.trace_id': traceId,
      'afterglow.request.span_id': spanId,
    })
    expect(server.attributes).toEqual({
      'afterglow.submitted.count': 1,
      'afterglow.submitted.names': ['mail'],
      'afterglow.submitted.ids': [id],
      'afterglow.rejected.count': 0,
    })
  })

  test('a failed task is an ERROR span with its error.type, and the request keeps its own status', async () => {
    await using sdk = started()
    await asked((ctx) => {
      ctx.tasks.add('mail', fail)
      ctx.body = 'ok'
    })
    expect(one(sdk, 'run mail')).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'boom' },
      attributes: { 'error.type': 'TypeError', 'afterglow.task.outcome': 'failed' },
      events: [],
    })
    expect(one(sdk, 'GET').status.code).toBe(SpanStatusCode.UNSET)
  })

  test('attempts are siblings, each linked to the one before', async () => {
    await using sdk = started()
    const flaky = defineTask({ name: 'flaky', retry: { attempts: 3, baseDelayMs: 1 }, run: fail })
    await asked((ctx) => {
      ctx.tasks.add(flaky)
      ctx.body = 'ok'
    })
    const runs = named(sdk, 'run flaky')
    expect(runs.map(({ attributes }) => attributes['afterglow.task.outcome'])).toEqual(['retried', 'retried', 'failed'])
    expect(new Set(runs.map((run) => run.parentSpanContext?.spanId)).size).toBe(1)
    expect(runs.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([
      [],
      [runs[0]?.spanContext().spanId],
      [runs[1]?.spanContext().spanId],
    ])
    expect(runs[1]?.links[0]?.attributes).toEqual({ 'afterglow.link.type': 'previous_attempt' })
  })

  test.each([
    ['a delayed task', { delayMs: 1 }],
    ['a task that may outlive the trace window', { override: { timeoutMs: 60_001 } }],
    ['a task told to link', { override: { relation: 'link' } }],
  ] as const)(
    '%s is a trace of its own, linked to the request, which says that something is deferred',
    async (_, options) => {
      await using sdk = started()
      await asked((ctx) => {
        ctx.tasks.add('mail', () => 1, options)
        ctx.body = 'ok'
      })
      const server = one(sdk, 'GET')
      const run = one(sdk, 'run mail')
      expect(run.parentSpanContext).toBeUndefined()
      expect(run.spanContext().traceId).not.toBe(server.spanContext().traceId)
      expect(run.links).toMatchObject([
        { context: { spanId: server.spanContext().spanId }, attributes: { 'afterglow.link.type': 'request' } },
      ])
      expect(run.attributes).toMatchObject({
        'afterglow.trace.relation': 'link',
        'afterglow.request.trace_id': server.spanContext().traceId,
      })
      expect(server.attributes).toMatchObject({ 'afterglow.deferred': true })
    },
  )

  test('a request that adds more than fifty tasks has all of them linked', async () => {
    await using sdk = started()
    await asked((ctx) => {
      for (let n = 0; n < 51; n++) ctx.tasks.add('many', () => 1)
      ctx.body = 'ok'
    })
    expect(named(sdk, 'run many').map(({ links }) => links.length)).toEqual(Array.from({ length: 51 }, () => 1))
    expect(one(sdk, 'GET').attributes).toMatchObject({ 'afterglow.submitted.count': 51, 'afterglow.deferred': true })
    expect(one(sdk, 'GET').attributes['afterglow.submitted.ids']).toHaveLength(20)
  })

  test('a task that was accepted and never ran has a span from then until now, without an attempt', async () => {
    await using sdk = started()
    await asked((ctx) => {
      const bad = ctx.tasks.add('bad', fail)
      ctx.tasks.add('dependent', () => 1, { after: [bad] })
      ctx.body = 'ok'
    })
    const run = one(sdk, 'run dependent')
    expect(run).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'afterglow.task.attempt': 0, 'afterglow.task.outcome': 'skipped' },
    })
    expect(run.parentSpanContext?.spanId).toBe(one(sdk, 'GET').spanContext().spanId)
    expect(String(run.attributes['afterglow.task.reason'])).toContain("'bad'")
  })

  test('a task given up between two attempts has a last span, linked to the attempt before', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks()
    const handle = tasks.add('again', (task) => task.retry({ afterMs: 1_000, beyondAttempts: true }))
    await clock.settle()
    handle.cancel()
    const [attempt, last] = named(sdk, 'run again')
    expect(last).toMatchObject({
      attributes: { 'afterglow.task.outcome': 'cancelled', 'afterglow.task.attempt': 1 },
      links: [{ context: { spanId: attempt?.spanContext().spanId } }],
    })
  })

  test('a task added by a task is its child and keeps the facts of the request', async () => {
    await using sdk = started()
    await asked((ctx) => {
      ctx.tasks.add('parent', (task) => void task.add('child', () => 1))
      ctx.body = 'ok'
    })
    const [parent, child] = [one(sdk, 'run parent'), one(sdk, 'run child')]
    expect(child.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    expect(child.attributes).toMatchObject({
      'afterglow.task.depth': 1,
      'afterglow.request.span_id': one(sdk, 'GET').spanContext().spanId,
    })
  })

  test('a request that instrumentation ignores still yields recorded task spans', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false })
    const app = new Koa()
    app.use(tasks.middleware()).use((ctx) => {
      ctx.tasks.add('mail', () => 1)
      ctx.body = 'ok'
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- Koa's callback answers by itself
    await using server = await served(app.callback())
    await server.get()
    await tasks.idle()
    expect(one(sdk, 'run mail').parentSpanContext).toBeUndefined()
  })

  test('spans of the handler are children of its attempt, and a task never sees the trace or baggage of another', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks({ concurrency: 1 })
    const tracer = trace.getTracer('app')
    const baggage: (string | undefined)[] = []
    for (const who of ['A', 'B']) {
      const span = tracer.startSpan(`request ${who}`)
      const active = propagation.setBaggage(
        trace.setSpan(ROOT_CONTEXT, span),
        propagation.createBaggage({ who: { value: who } }),
      )
      context.with(active, () =>
        tasks.add(`task-${who}`, async () => {
          tracer.startSpan(`inside ${who}`).end()
          baggage.push(propagation.getActiveBaggage()?.getEntry('who')?.value)
        }),
      )
      span.end()
    }
    await clock.settle()
    expect(baggage).toEqual(['A', 'B'])
    for (const who of ['A', 'B']) {
      const run = one(sdk, `run task-${who}`)
      expect(run.parentSpanContext?.spanId).toBe(one(sdk, `request ${who}`).spanContext().spanId)
      expect(one(sdk, `inside ${who}`).parentSpanContext?.spanId).toBe(run.spanContext().spanId)
    }
    expect(activeSpanOf()).toBeUndefined()
  })

  test('an expected error leaves the span unset', async () => {
    await using sdk = started()
    await asked((ctx) => {
      ctx.tasks.add('charge', fail, { override: { expected: [TypeError] } })
      ctx.body = 'ok'
    })
    expect(one(sdk, 'run charge')).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'afterglow.task.outcome': 'discarded' },
    })
  })

  test('an error that middleware swallowed is on the span all the same', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false }).use(async (_, next) => next().catch(() => undefined))
    await asked((ctx) => {
      ctx.tasks.add('mail', fail)
      ctx.body = 'ok'
    }, tasks)
    expect(one(sdk, 'run mail').attributes).toMatchObject({
      'afterglow.task.outcome': 'completed',
      'afterglow.task.error.handled': true,
      'error.type': 'TypeError',
    })
  })

  test('an aborted request is told what it added, too', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false })
    const answer = asked((ctx) => {
      ctx.tasks.add('mail', () => 1)
      ctx.status = 200
      ctx.res.destroy()
    }, tasks)
    await expect(answer).rejects.toThrow('fetch failed')
    await tasks.idle()
    expect(one(sdk, 'GET').attributes).toMatchObject({ 'afterglow.submitted.count': 1 })
  })
})

describe('an SDK that starts late', () => {
  test('is used from then on', async () => {
    const { tasks, clock } = manualTasks()
    tasks.add('before', () => 1)
    await clock.settle()
    await using sdk = SDKS['SDK 3']()
    tasks.add('after', () => 1)
    await clock.settle()
    expect(sdk.spans().map(({ name }) => name)).toEqual(['run after'])
  })

  test('is used also when it is the second one', async () => {
    const { tasks, clock } = manualTasks()
    for (const name of ['first', 'second']) {
      await using sdk = SDKS['SDK 3']()
      tasks.add(name, () => 1)
      await clock.settle()
      expect(sdk.spans().map((span) => span.name)).toEqual([`run ${name}`])
    }
  })
})

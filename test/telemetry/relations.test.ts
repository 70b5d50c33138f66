import { AsyncLocalStorage } from 'node:async_hooks'
import {
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks, defineTask, type TaskContext, type TaskSettings } from 'koa-afterglow'
import { gate, manualTasks, thrownBy } from '../support/runner.ts'
import { instrumented, SDK_NAMES, SDKS, served, type SeenSpan } from '../support/telemetry.ts'
import { asked, named, one } from '../support/traced.ts'

const fail = () => {
  throw new TypeError('boom')
}
const linksOf = ({ links }: SeenSpan) =>
  links.map((link) => [link.attributes?.['afterglow.link.type'], link.context.spanId])
const relationOf = ({ attributes }: SeenSpan) => attributes['afterglow.trace.relation']

describe.each(SDK_NAMES)('with %s', (sdkName) => {
  const started = SDKS[sdkName]

  describe('a task that was accepted and never ran has one span, from then until now:', () => {
    test.each<[string, SpanStatusCode, (bench: ReturnType<typeof manualTasks>) => unknown]>([
      ['skipped', SpanStatusCode.UNSET, ({ tasks }) => tasks.add('it', () => 1, { after: [tasks.add('bad', fail)] })],
      ['cancelled', SpanStatusCode.UNSET, ({ tasks }) => tasks.add('it', () => 1, { delayMs: 5 }).cancel()],
      ['dropped', SpanStatusCode.ERROR, ({ tasks }) => tasks.add('it', () => 1, { expiresMs: 0 })],
      [
        'interrupted',
        SpanStatusCode.ERROR,
        ({ tasks }) => (tasks.add('it', () => 1, { delayMs: 5_000 }), tasks.close({ deadlineMs: 10 })),
      ],
    ])('%s', async (outcome, code, end) => {
      await using sdk = started()
      const bench = manualTasks()
      void end(bench)
      await bench.clock.advance(100)
      const span = one(sdk, 'run it')
      expect(span).toMatchObject({
        kind: SpanKind.CONSUMER,
        status: { code },
        attributes: { 'afterglow.task.attempt': 0, 'afterglow.task.outcome': outcome },
      })
      expect(span.attributes['error.type']).toBe(code === SpanStatusCode.ERROR ? outcome : undefined)
      expect(span.startTime[0] * 1_000).toBe(Date.UTC(2026, 0, 1))
    })
  })

  test('what it came after is linked, never its parent, also where it was skipped', async () => {
    await using sdk = started()
    await asked((ctx) => {
      const [a, b, bad] = [ctx.tasks.add('a', () => 1), ctx.tasks.add('b', () => 1), ctx.tasks.add('bad', fail)]
      ctx.tasks.add('then', () => 1, { after: [a, b] })
      ctx.tasks.add('never', () => 1, { after: [bad] })
      ctx.body = 'ok'
    })
    const idOf = (name: string) => one(sdk, name).spanContext().spanId
    const then = one(sdk, 'run then')
    expect(linksOf(then)).toEqual([
      ['dependency', idOf('run a')],
      ['dependency', idOf('run b')],
    ])
    expect(then.links.map(({ attributes }) => attributes?.['afterglow.task.name'])).toEqual(['a', 'b'])
    expect(then.attributes['afterglow.task.dependencies']).toBe(2)
    expect(then.parentSpanContext?.spanId).toBe(idOf('GET'))
    expect(linksOf(one(sdk, 'run never'))).toEqual([['dependency', idOf('run bad')]])
  })

  test('of very many that it came after thirty-two are linked, and all are counted', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks()
    const after = Array.from({ length: 40 }, (_, n) => tasks.add(`part ${n}`, () => 1))
    tasks.add('whole', () => 1, { after })
    await clock.settle()
    expect(one(sdk, 'run whole').links).toHaveLength(32)
    expect(one(sdk, 'run whole').attributes['afterglow.task.dependencies']).toBe(40)
  })

  test('a retry, and a task given up, later than the window link, though the first attempt was a child', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks({ telemetry: { traceWindowMs: 40_000 } })
    const parent = trace.getTracer('app').startSpan('parent')
    const again = defineTask({
      name: 'again',
      retry: { attempts: 4, maxDelayMs: 30_000 },
      run: (_, task) => task.retry({ afterMs: 30_000 }),
    })
    const handle = context.with(trace.setSpan(ROOT_CONTEXT, parent), () => tasks.add(again))
    await clock.advance(65_000)
    handle.cancel()
    parent.end()
    const spans = named(sdk, 'run again')
    expect(spans.map(relationOf)).toEqual(['child', 'child', 'link', 'link'])
    const { spanId } = parent.spanContext()
    expect(spans.map((span) => span.parentSpanContext?.spanId)).toEqual([spanId, spanId, undefined, undefined])
    const [, second, third, last] = spans
    expect(third && linksOf(third)).toEqual([
      ['request', spanId],
      ['previous_attempt', second?.spanContext().spanId],
    ])
    expect(last && linksOf(last)).toEqual([
      ['request', spanId],
      ['previous_attempt', third?.spanContext().spanId],
    ])
  })

  test.each<[string, boolean, { name: string; run: () => number } & TaskSettings]>([
    ['that runs once, within the window', false, { name: 'it', run: () => 1 }],
    ['whose retries may outlive the window', true, { name: 'it', retry: { attempts: 3 }, run: () => 1 }],
    ['that retries within the window', false, { name: 'it', timeoutMs: 5_000, retry: { attempts: 3 }, run: () => 1 }],
  ])('a request is deferred by a task %s: %s', async (_, deferred, definition) => {
    await using sdk = started()
    const task = defineTask(definition)
    await asked((ctx) => {
      ctx.tasks.add(task)
      ctx.body = 'ok'
    })
    expect(one(sdk, 'GET').attributes['afterglow.deferred']).toBe(deferred || undefined)
    expect(relationOf(one(sdk, 'run it'))).toBe('child')
  })

  test('a request is deferred by tasks that together may outlive the window', async () => {
    await using sdk = started()
    await asked((ctx) => {
      const first = ctx.tasks.add('first', () => 1, { override: { timeoutMs: 40_000 } })
      ctx.tasks.add('then', () => 1, { after: [first] })
      ctx.body = 'ok'
    })
    expect(one(sdk, 'GET').attributes['afterglow.deferred']).toBe(true)
  })

  test('the relation is decided at the gate: tasks that started before the fifty-first was added stay together', async () => {
    await using sdk = started()
    const ran = gate()
    await asked(async (ctx) => {
      for (let n = 0; n < 50; n++) ctx.tasks.add('early', n === 49 ? () => ran.resolve() : () => 1)
      ctx.tasks.release()
      await ran.promise
      for (let n = 0; n < 5; n++) ctx.tasks.add('more', () => 1)
      ctx.body = 'ok'
    })
    expect(new Set(named(sdk, 'run early').map(relationOf))).toEqual(new Set(['child']))
    expect(named(sdk, 'run more').map(relationOf)).toEqual(Array.from({ length: 5 }, () => 'link'))
    expect(one(sdk, 'GET').attributes['afterglow.deferred']).toBe(true)
  })

  test('a task that is cancelled before the gate decides for nobody else', async () => {
    await using sdk = started()
    await asked((ctx) => {
      ctx.tasks.add('gone', () => 1).cancel()
      for (let n = 0; n < 51; n++) ctx.tasks.add('many', () => 1)
      ctx.body = 'ok'
    })
    expect(new Set(named(sdk, 'run many').map(relationOf))).toEqual(new Set(['link']))
  })

  test('a task that adds more than fifty has the rest of them linked to it', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks()
    tasks.add('parent', (task) => {
      for (let n = 0; n < 55; n++) task.add('child', () => 1)
    })
    await clock.settle()
    const children = named(sdk, 'run child')
    expect(children.filter((span) => relationOf(span) === 'child')).toHaveLength(50)
    const parentId = one(sdk, 'run parent').spanContext().spanId
    expect(children.filter((span) => relationOf(span) === 'link').map(linksOf)).toEqual(
      Array.from({ length: 5 }, () => [['task', parentId]]),
    )
  })

  test('the window of a task that a task added begins with the request, whose trace it is in', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks({ telemetry: { traceWindowMs: 40_000 } })
    const again = { attempts: 2, maxDelayMs: 20_000 }
    const state = { over: false }
    const asking = asked((ctx) => {
      ctx.tasks.add('parent', async (task) => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 25_000))
        task.add('nested', (inner) => void (inner.attempt === 1 && inner.retry({ afterMs: 20_000 })), {
          override: { retry: again },
        })
      })
      ctx.body = 'ok'
    }, tasks).finally(() => (state.over = true))
    while (!state.over) await clock.advance(1_000)
    await asking
    expect(named(sdk, 'run nested').map(relationOf)).toEqual(['child', 'link'])
  })

  test('a request whose adds were all rejected says so on its span', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false, limits: { maxPending: 1 } })
    const blocker = gate()
    tasks.add('blocker', () => blocker.promise)
    await asked((ctx) => {
      thrownBy(() => ctx.tasks.add('one too many', () => 1))
      blocker.resolve()
      ctx.body = 'ok'
    }, tasks)
    expect(one(sdk, 'GET').attributes).toMatchObject({ 'afterglow.submitted.count': 0, 'afterglow.rejected.count': 1 })
  })

  test('a task of a request whose tracing is suppressed is recorded all the same, as a root', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false })
    const app = new Koa().use(tasks.middleware()).use((ctx) => {
      ctx.tasks.add('mail', () => trace.getTracer('app').startSpan('inside').end())
      trace.getTracer('app').startSpan('unseen').end()
      ctx.body = 'ok'
    })
    const suppressed = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
    await using server = await served((req, res) =>
      context.with(ROOT_CONTEXT.setValue(suppressed, true), () => void app.callback()(req, res)),
    )
    await server.get()
    await tasks.idle()
    expect(named(sdk, 'unseen')).toEqual([])
    expect(one(sdk, 'run mail').parentSpanContext).toBeUndefined()
    expect(one(sdk, 'inside').parentSpanContext?.spanId).toBe(one(sdk, 'run mail').spanContext().spanId)
  })

  test('tasks of two requests on one slot see each their own trace, baggage and user context', async () => {
    await using sdk = started()
    const user = new AsyncLocalStorage<string>()
    const tasks = createTasks({ logger: false, limits: { concurrency: 1 } })
    const both = gate()
    const sees: unknown[][] = []
    let asking = 0
    const look = (task: TaskContext<void>) => {
      sees.push([task.name, user.getStore(), propagation.getActiveBaggage()?.getEntry('who')?.value])
      trace.getTracer('app').startSpan(`inside ${task.name}`).end()
    }
    const app = new Koa().use(tasks.middleware()).use(async (ctx) => {
      const who = ctx.path.slice(1)
      const baggage = propagation.createBaggage({ who: { value: who } })
      user.run(who, () =>
        context.with(propagation.setBaggage(context.active(), baggage), () => {
          for (const n of [1, 2]) ctx.tasks.add(`${who}${n}`, look)
        }),
      )
      if (++asking === 2) both.resolve()
      await both.promise
      ctx.body = 'ok'
    })
    await using server = await served(instrumented((req, res) => void app.callback()(req, res)))
    await Promise.all([server.get('/a'), server.get('/b')])
    await tasks.idle()
    const all = ['a1', 'a2', 'b1', 'b2']
    expect(new Set(sees)).toEqual(new Set(all.map((name) => [name, name[0], name[0]])))
    const servers = named(sdk, 'GET').map((span) => span.spanContext())
    for (const name of all) {
      const run = one(sdk, `run ${name}`)
      expect(one(sdk, `inside ${name}`).parentSpanContext?.spanId).toBe(run.spanContext().spanId)
      expect(servers.map(({ spanId }) => spanId)).toContain(run.parentSpanContext?.spanId)
    }
    expect(one(sdk, 'run a1').parentSpanContext?.spanId).toBe(one(sdk, 'run a2').parentSpanContext?.spanId)
    expect(one(sdk, 'run a1').spanContext().traceId).not.toBe(one(sdk, 'run b1').spanContext().traceId)
  })

  test('what a loop adds that a handler once started has a trace of its own and none of the baggage', async () => {
    await using sdk = started()
    const ran = gate()
    let turn = (): void => undefined
    const sees: unknown[] = []
    const tasks = createTasks({ logger: false })
    const work = () => {
      sees.push(propagation.getActiveBaggage())
      ran.resolve()
    }
    await asked((ctx) => {
      const baggage = propagation.createBaggage({ who: { value: 'a' } })
      context.with(propagation.setBaggage(context.active(), baggage), () => {
        const { port1, port2 } = new MessageChannel()
        port1.on('message', () => tasks.add('of the loop', work, { override: { relation: 'child' } }))
        port1.unref()
        turn = () => port2.postMessage(0)
        ctx.tasks.add('of the request', () => 1)
      })
      ctx.body = 'ok'
    }, tasks)
    turn()
    await ran.promise
    await tasks.idle()
    const run = one(sdk, 'run of the loop')
    expect(run.parentSpanContext).toBeUndefined()
    expect(linksOf(run)).toEqual([['request', one(sdk, 'GET').spanContext().spanId]])
    expect(run.attributes).toMatchObject({ 'afterglow.task.late': true, 'afterglow.trace.relation': 'link' })
    expect(sees).toEqual([undefined])
  })

  test('the stop is a root span with the report, linked to what it interrupted', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks({ limits: { graceMs: 1 } })
    tasks.add('done', () => 1)
    tasks.add('waits', () => 1, { delayMs: 50_000 })
    tasks.add('runs', () => new Promise(() => {}))
    await clock.settle()
    const active = trace.setSpan(ROOT_CONTEXT, trace.getTracer('app').startSpan('signal'))
    const closing = context.with(active, () => tasks.close({ deadlineMs: 100 }))
    await clock.advance(1_000)
    const { interrupted } = await closing
    const drain = one(sdk, 'drain')
    expect(drain.parentSpanContext).toBeUndefined()
    expect(drain).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.ERROR, message: '2 tasks were interrupted' },
      attributes: {
        'afterglow.drain.settled': 0,
        'afterglow.drain.interrupted': 2,
        'afterglow.drain.interrupted_ids': interrupted.map(({ id }) => id),
        'afterglow.drain.interrupted_names': interrupted.map(({ name }) => name),
        'error.type': 'interrupted',
      },
    })
    expect(linksOf(drain)).toEqual(
      interrupted.map(({ name }) => ['interrupted', one(sdk, `run ${name}`).spanContext().spanId]),
    )
  })

  test('a stop that interrupted nothing is no error', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks()
    const closing = tasks.close()
    await clock.settle()
    await closing
    expect(one(sdk, 'drain')).toMatchObject({ status: { code: SpanStatusCode.UNSET }, links: [] })
  })

  test('blocking and stray errors are events of the span of the attempt', async () => {
    await using sdk = started()
    const tasks = createTasks({ logger: false, limits: { blockWarnMs: 1 } })
    tasks.add('it', async () => {
      const until = performance.now() + 5
      while (performance.now() < until);
      process.emit('unhandledRejection', new RangeError('floating'), Promise.resolve())
    })
    await tasks.idle()
    expect(one(sdk, 'run it').events).toMatchObject([
      {
        name: 'afterglow.task.stray_error',
        attributes: { 'error.type': 'RangeError', 'afterglow.stray_error.contained': expect.any(Boolean) },
      },
      { name: 'afterglow.task.blocked', attributes: { 'afterglow.task.blocked_time': expect.any(Number) } },
    ])
    await tasks.close()
  })

  test('where a task is defined is on its span, and the line that broke beside the error', async () => {
    await using sdk = started()
    const { tasks, clock } = manualTasks({ telemetry: { addLocation: true } })
    tasks.add(defineTask({ name: 'it', run: fail }))
    await clock.settle()
    const { attributes } = one(sdk, 'run it')
    const defined = `${String(attributes['code.file.path'])}:${String(attributes['code.line.number'])}`
    expect(defined).toMatch(/relations\.test\.ts:\d+$/)
    expect(attributes['afterglow.task.add.location']).toBe(defined)
    expect(attributes['afterglow.error.location']).toMatch(/relations\.test\.ts:\d+$/)
    expect(attributes['afterglow.error.location']).not.toBe(defined)
  })

  test.each([
    ['', 0],
    ['logs', 0],
    ['http, logs/dup', 1],
  ])('OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=%s puts %d exception events on the span', async (optIn, events) => {
    process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN'] = optIn
    await using sdk = started()
    const { tasks, clock } = manualTasks()
    delete process.env['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN']
    tasks.add('it', fail)
    await clock.settle()
    expect(one(sdk, 'run it').events).toMatchObject(
      Array.from({ length: events }, () => ({
        name: 'exception',
        attributes: { 'exception.type': 'TypeError', 'exception.message': 'boom' },
      })),
    )
  })
})

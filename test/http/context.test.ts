import { AsyncLocalStorage } from 'node:async_hooks'
import { context, createContextKey, propagation, trace } from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createTasks } from 'koa-afterglow'
import { ask } from '../support/http-client.ts'
import { listen, serve } from '../support/http-server.ts'
import { SDKS } from '../support/telemetry.ts'

/** Serves one request to the end of its tasks. */
async function once(server: Awaited<ReturnType<typeof serve>>): Promise<void> {
  await ask(server.port, 'http1')
  await server.gated()
  await server.tasks.idle()
}

describe('rule 5: the async context of a task', () => {
  test("is the user's own of its add, also behind an await and in what the task itself adds", async () => {
    const user = new AsyncLocalStorage<string>()
    const seen: [name: string, value: unknown][] = []
    await using server = await serve({
      handler: (ctx) => {
        const look = async (name: string): Promise<void> => {
          seen.push([name, user.getStore()])
          await Promise.resolve()
          seen.push([name, user.getStore()])
        }
        for (const name of ['a', 'b']) user.run(name, () => ctx.tasks.add(name, () => look(name)))
        ctx.tasks.add('none', () => look('none'))
        user.run('parent', () =>
          ctx.tasks.add('parent', (task) => {
            task.add('child', () => look('child'))
            user.run('other', () => task.add('other', () => look('other')))
          }),
        )
        ctx.body = 'ok'
      },
    })
    await once(server)
    const twice = (name: string, value: unknown) => [
      [name, value],
      [name, value],
    ]
    for (const name of ['a', 'b', 'other']) expect(seen.filter(([one]) => one === name)).toEqual(twice(name, name))
    expect(seen).toEqual(expect.arrayContaining([...twice('none', undefined), ...twice('child', 'parent')]))
    expect(seen).toHaveLength(10)
  })

  test("has no ctx in it: Koa's currentContext is undefined in a task, and unharmed in the handler", async () => {
    const app = new Koa({ asyncLocalStorage: true })
    const seen: unknown[] = []
    await using server = await serve({
      app,
      handler: async (ctx) => {
        ctx.tasks.add('task', async (task) => {
          seen.push(app.currentContext)
          await Promise.resolve()
          task.add('child', () => void seen.push(app.currentContext))
        })
        seen.push(app.currentContext === ctx)
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(app.currentContext === ctx)
        ctx.body = 'ok'
      },
    })
    await once(server)
    expect(seen).toEqual([true, true, undefined, undefined])
  })

  test('works the same when the first add of all comes before any request was seen', async () => {
    const app = new Koa({ asyncLocalStorage: true })
    const seen: unknown[] = []
    await using server = await serve({
      app,
      handler: (ctx) => {
        ctx.tasks.add('task', () => void seen.push(app.currentContext))
        ctx.body = 'ok'
      },
    })
    server.tasks.add('before', () => void seen.push('before'))
    await server.tasks.idle()
    await once(server)
    expect(seen).toEqual(['before', undefined])
  })
})

describe.each(Object.entries(SDKS))('rule 5: the OpenTelemetry context of a task, on %s', (_, start) => {
  test('is its own span under the active one, with baggage, and nothing else of the request', async () => {
    await using sdk = start()
    const key = createContextKey('of the request')
    const seen: unknown[] = []
    await using server = await serve({
      handler: (ctx) => {
        const baggage = propagation.createBaggage({ tenant: { value: 'acme' } })
        trace.getTracer('test').startActiveSpan('handler', (span) => {
          const active = propagation.setBaggage(context.active(), baggage).setValue(key, ctx)
          context.with(active, () =>
            ctx.tasks.add('task', async () => {
              await Promise.resolve()
              const inTask = context.active()
              seen.push(propagation.getBaggage(inTask)?.getEntry('tenant')?.value, inTask.getValue(key))
              seen.push(trace.getSpan(inTask)?.spanContext().spanId)
            }),
          )
          span.end()
        })
        ctx.body = 'ok'
      },
    })
    await once(server)
    const span = (name: string) => sdk.spans().find((one) => one.name === name)
    expect(seen).toEqual(['acme', undefined, span('run task')?.spanContext().spanId])
    expect(span('run task')?.parentSpanContext?.spanId).toBe(span('handler')?.spanContext().spanId)
  })
})

describe('ctx.tasks', () => {
  test('its functions may be taken off it', async () => {
    await using server = await serve({
      handler: (ctx) => {
        const { add, release } = ctx.tasks
        add('task', () => void server.log.push('task'))
        release()
        ctx.body = 'ok'
      },
    })
    await once(server)
    expect(server.log.toSorted()).toEqual(['settled /', 'task'])
  })

  test('mounted twice it is the same: one request has one gate', async () => {
    const log: string[] = []
    const app = new Koa()
    await using tasks = createTasks({ logger: false })
    const gates: number[] = []
    tasks.observe({ name: 'gates', gate: ({ submitted }) => void gates.push(submitted) })
    app.use(tasks.middleware())
    app.use((ctx, next) => {
      ctx.tasks.add('outer', () => void log.push('outer'))
      return next()
    })
    app.use(tasks.middleware())
    app.use((ctx) => {
      ctx.tasks.add('inner', () => void log.push('inner'))
      ctx.body = 'ok'
    })
    await using server = await listen(app)
    await ask(server.port, 'http1')
    await tasks.idle()
    expect(log).toEqual(['outer', 'inner'])
    expect(gates).toEqual([2])
  })

  test('without the middleware there is none, and tasks.add knows no request', async () => {
    const app = new Koa()
    const seen: unknown[] = []
    await using tasks = createTasks({ logger: false })
    app.use((ctx) => {
      tasks.add('task', ({ request, late }) => void seen.push(request, late))
      ctx.body = typeof ctx.tasks
    })
    await using server = await listen(app)
    expect((await ask(server.port, 'http1')).body).toBe('undefined')
    await tasks.idle()
    expect(seen).toEqual([undefined, false])
  })

  test('two runners on two applications of one process do not mix', async () => {
    const seen: string[] = []
    await using inner = await serve({
      handler: (ctx) => {
        ctx.tasks.add('inner', ({ request }) => void seen.push(`inner ${request?.statusCode}`))
        outer.tasks.add('from inside', ({ request }) => void seen.push(`from inside ${request?.statusCode}`))
        ctx.status = 202
      },
    })
    await using outer = await serve({
      handler: async (ctx) => {
        inner.tasks.add('from outside', ({ request }) => void seen.push(`from outside ${request?.statusCode}`))
        outer.tasks.add('outer', ({ request }) => void seen.push(`outer ${request?.statusCode}`))
        await ask(inner.port, 'http1')
        ctx.status = 201
      },
    })
    await once(outer)
    await inner.tasks.idle()
    expect(seen.toSorted()).toEqual(['from inside undefined', 'from outside undefined', 'inner 202', 'outer 201'])
    expect(outer.gates).toMatchObject([{ submitted: 1 }])
    expect(inner.gates).toMatchObject([{ submitted: 1 }])
  })
})

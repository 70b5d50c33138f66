import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { RawClient } from '../support/http-client.ts'
import { serve, serveByHand, telling } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'

describe('rule 1: each response has a gate of its own, on one connection', () => {
  test('keep-alive: the task of a request runs after its response, before the next request is made', async () => {
    await using server = await serve({
      handler: (ctx) => {
        server.log.push(`handler ${ctx.path}`)
        ctx.tasks.add(`task ${ctx.path}`, telling(server.log))
        ctx.body = 'ok'
      },
    })
    using client = await RawClient.connect(server.port)
    for (const [n, path] of ['/a', '/b'].entries()) {
      client.send(path)
      await client.receives('ok', n + 1)
      await server.gated(n + 1)
      await server.tasks.idle()
    }
    const one = (path: string) => [`handler ${path}`, `settled ${path}`, `task ${path} sent 200`]
    expect(server.log).toEqual([...one('/a'), ...one('/b')])
  })

  test('pipelining: a response that waits for the one before it holds its tasks, though its handler is done', async () => {
    const first = gate()
    const second = gate()
    await using server = await serve({
      handler: async (ctx) => {
        ctx.tasks.add(`task ${ctx.path}`, telling(server.log))
        if (ctx.path === '/a') await first.promise
        ctx.body = 'ok'
        if (ctx.path === '/b') second.resolve()
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/a', '/b')
    await second.promise
    // What a task would need to start, had its gate opened with its handler.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(server.log).toEqual([])
    expect(server.tasks.stats().inFlight.held).toBe(2)
    first.resolve()
    await client.receives('ok', 2)
    await server.gated(2)
    await server.tasks.idle()
    const order = (path: string) => server.log.filter((line) => line.includes(path))
    expect(order('/a')).toEqual(['settled /a', 'task /a sent 200'])
    expect(order('/b')).toEqual(['settled /b', 'task /b sent 200'])
    expect(server.log).toHaveLength(4)
  })

  test('pipelining: a client that leaves frees the tasks of the response in line, as aborted', async () => {
    const both = gate()
    const end = gate()
    await using server = await serve({
      handler: async (ctx) => {
        ctx.tasks.add(`task ${ctx.path}`, telling(server.log))
        if (ctx.path === '/b') both.resolve()
        await end.promise
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/a', '/b')
    await both.promise
    client.socket.destroy()
    await server.tasks.idle()
    end.resolve()
    expect(server.log.filter((line) => line.startsWith('task')).toSorted()).toEqual([
      'task /a aborted 404',
      'task /b aborted 404',
    ])
  })
})

describe('rule 1: the gate', () => {
  test('is told before any other listener of the response, also one that was there before the first add', async () => {
    await using server = await serve({
      handler: (ctx) => {
        for (const event of ['finish', 'close'] as const) ctx.res.on(event, () => server.log.push(event))
        ctx.tasks.add('task', telling(server.log))
        ctx.res.prependListener('finish', () => server.log.push('prepended later'))
        ctx.body = 'ok'
      },
    })
    server.tasks.observe({ name: 'log', gate: () => void server.log.push('gate') })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await client.receives('ok')
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['prepended later', 'gate', 'settled /', 'finish', 'close', 'task sent 200'])
  })
})

describe('rule 16: a response that goes on', () => {
  test('SSE: release() lets tasks start while the stream goes on; what asks for the class waits for it', async () => {
    const stream = new PassThrough()
    await using server = await serve({
      handler: (ctx) => {
        ctx.tasks.add('first', telling(server.log))
        ctx.tasks.add('sent', telling(server.log), { override: { runOn: 'sent' } })
        ctx.type = 'text/event-stream'
        ctx.body = stream
        stream.write('data: 1\n\n')
        ctx.tasks.release()
        ctx.tasks.add('after the release', telling(server.log))
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await client.receives('data: 1\n\n\r\n')
    while (server.log.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(server.log.toSorted()).toEqual(['after the release undefined 200', 'first undefined 200'])
    stream.end('data: 2\n\n')
    await server.gated()
    await server.tasks.idle()
    expect(server.log.slice(2)).toEqual(['settled /', 'sent sent 200'])
    expect(server.tasks.stats().outcomes.completed).toBe(3)
  })

  test('SSE: after release() and a client that left, runOn sent and success are skipped', async () => {
    await using server = await serve({
      handler: (ctx) => {
        ctx.tasks.add('sent', telling(server.log), { override: { runOn: 'sent' } })
        ctx.tasks.add('success', telling(server.log), { override: { runOn: 'success' } })
        ctx.body = new PassThrough().on('error', () => undefined)
        ctx.tasks.release()
        ctx.flushHeaders()
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await once(client.socket, 'data')
    client.socket.resetAndDestroy()
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['settled /'])
    expect(server.tasks.stats().outcomes).toMatchObject({ skipped: 2, completed: 0 })
  })

  test('release() in a handler that throws: its tasks run once', async () => {
    await using server = await serve({
      handler: (ctx) => {
        ctx.tasks.add('task', () => void server.log.push('task'))
        ctx.tasks.release()
        ctx.tasks.release()
        throw new Error('handler')
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await client.receives('Error')
    await server.gated()
    await server.tasks.idle()
    expect(server.log.filter((line) => line === 'task')).toEqual(['task'])
  })

  test('tasks are held for maxHoldMs at most, then run, and an event says so', async () => {
    await using server = await serveByHand({
      limits: { maxHoldMs: 1_000 },
      handler: async (ctx) => {
        ctx.tasks.add('task', telling(server.log))
        ctx.body = new PassThrough()
        ctx.flushHeaders()
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/stream')
    await once(client.socket, 'data')
    await server.clock.advance(999)
    expect(server.log).toEqual([])
    await server.clock.advance(1)
    expect(server.log).toEqual(['task undefined 200'])
    expect(server.seen.events).toMatchObject([{ type: 'held_too_long', heldMs: 1_000, tasks: 1 }])
  })

  test('maxHoldMs counts from the first add: a handler that was slow before it is no reason to start early', async () => {
    const slow = gate()
    const added = gate()
    const answered = gate()
    await using server = await serveByHand({
      limits: { maxHoldMs: 1_000 },
      handler: async (ctx) => {
        server.log.push('at work')
        slow.resolve()
        await added.promise
        ctx.tasks.add('task', telling(server.log))
        await answered.promise
        ctx.body = 'ok'
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await slow.promise
    await server.clock.advance(5_000)
    added.resolve()
    await server.clock.advance(999)
    expect(server.log).toEqual(['at work'])
    answered.resolve()
    await client.receives('ok')
    await server.gated()
    await server.clock.settle()
    expect(server.log).toEqual(['at work', 'settled /', 'task sent 200'])
    expect(server.seen.events).toEqual([])
  })

  test('awaiting `settled` in the handler whose response it waits for is reported after a while', async () => {
    const adding = gate()
    await using server = await serveByHand({
      limits: { maxHoldMs: 5_000 },
      handler: async (ctx) => {
        const handle = ctx.tasks.add('task', telling(server.log))
        adding.resolve()
        ctx.body = await handle.settled
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await adding.promise
    await server.clock.settle()
    expect(server.seen.events).toEqual([])
    await server.clock.advance(2_000)
    expect(server.seen.events).toMatchObject([
      { type: 'waits_for_itself', error: { code: 'ERR_AFTERGLOW_WAITS_FOR_ITSELF' }, record: { name: 'task' } },
    ])
    await server.clock.advance(3_000)
    await client.receives('}')
    expect(client.received).toContain('"outcome":"completed"')
  })

  test('reading `settled` in a handler that returns is no fault, even if the response then goes on', async () => {
    await using server = await serveByHand({
      handler: (ctx) => {
        void ctx.tasks.add('task', () => 'done').settled
        ctx.body = new PassThrough()
        ctx.flushHeaders()
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await once(client.socket, 'data')
    await server.clock.advance(10_000)
    expect(server.seen.events).toEqual([])
    expect(server.tasks.stats().inFlight.held).toBe(1)
  })

  test('reading `settled` in a handler that then answers is no fault', async () => {
    const outcomes: unknown[] = []
    await using server = await serveByHand({
      handler: (ctx) => {
        void ctx.tasks.add('task', () => 'done').settled.then((outcome) => outcomes.push(outcome))
        ctx.body = 'ok'
      },
    })
    using client = await RawClient.connect(server.port)
    client.send('/')
    await client.receives('ok')
    await server.gated()
    await server.clock.advance(10_000)
    expect(server.seen.events).toEqual([])
    expect(outcomes).toMatchObject([{ outcome: 'completed', value: 'done' }])
  })
})

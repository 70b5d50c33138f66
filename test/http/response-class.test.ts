import { once } from 'node:events'
import { constants, type Http2ServerResponse } from 'node:http2'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import type { Context } from 'koa'
import type { TaskContext } from 'koa-afterglow'
import { ask, connectHttp2, RawClient } from '../support/http-client.ts'
import { serve, telling, type Protocol } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'

const MIB = 1 << 20

async function* chunks(): AsyncGenerator<string> {
  yield 'a'
  await new Promise((resolve) => setImmediate(resolve))
  yield 'b'
}

const answers: readonly [name: string, method: string, answer: (ctx: Context) => void, status: number, body: string][] =
  [
    ['a body', 'GET', (ctx) => void (ctx.body = 'hi'), 200, 'hi'],
    ['HEAD', 'HEAD', (ctx) => void (ctx.body = 'hi'), 200, ''],
    ['204', 'GET', (ctx) => void (ctx.status = 204), 204, ''],
    ['304', 'GET', (ctx) => void (ctx.status = 304), 304, ''],
    ['a stream', 'GET', (ctx) => void (ctx.body = Readable.from(chunks(), { objectMode: false })), 200, 'ab'],
    ['8 MiB', 'GET', (ctx) => void (ctx.body = 'x'.repeat(8 * MIB)), 200, 'x'.repeat(8 * MIB)],
    ['404', 'GET', (ctx) => ctx.throw(404, 'nothing'), 404, 'nothing'],
    [
      'a response of its own (respond = false)',
      'GET',
      (ctx) => {
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.end('own')
      },
      200,
      'own',
    ],
    [
      'a thrown error',
      'GET',
      () => {
        throw new Error('handler')
      },
      500,
      'Internal Server Error',
    ],
  ]

/** Adds one task for each `runOn`; the outcomes then say what became of them. */
function addEach(ctx: Context, run: (task: TaskContext<void>) => void): void {
  for (const runOn of ['settled', 'sent', 'success'] as const) ctx.tasks.add(runOn, run, { override: { runOn } })
}

describe.each<Protocol>(['http1', 'tls', 'h2c', 'h2'])('rule 2: the class of the response, over %s', (protocol) => {
  test.each(answers)('%s is sent; its task runs once, after it', async (_, method, answer, status, body) => {
    await using server = await serve({
      protocol,
      handler: (ctx) => {
        ctx.tasks.add('task', telling(server.log))
        server.log.push('handler')
        return answer(ctx)
      },
    })
    expect(await ask(server.port, protocol, { method })).toEqual({ status, body })
    await server.gated()
    await server.tasks.idle()
    expect(server.log).toEqual(['handler', 'settled /', `task sent ${status}`])
    expect(server.tasks.stats().outcomes.completed).toBe(1)
  })
})

describe('rule 3: runOn', () => {
  test.each([
    [200, 'completed', 'completed'],
    [302, 'completed', 'completed'],
    [404, 'completed', "skipped runOn 'success': the response was 404"],
    [500, 'completed', "skipped runOn 'success': the response was 500"],
  ])('status %i: settled runs, sent %s, success %s', async (status, sent, success) => {
    await using server = await serve({
      handler: (ctx) => {
        addEach(ctx, () => undefined)
        ctx.status = status
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(ends(server)).toEqual({ settled: 'completed', sent, success })
  })

  test('an app-wide default counts for tasks that do not say otherwise', async () => {
    await using server = await serve({
      defaults: { runOn: 'success' },
      handler: (ctx) => {
        ctx.tasks.add('default', () => undefined)
        ctx.tasks.add('own', () => undefined, { override: { runOn: 'settled' } })
        ctx.status = 500
      },
    })
    await ask(server.port, 'http1')
    await server.gated()
    await server.tasks.idle()
    expect(ends(server)).toMatchObject({ default: expect.stringContaining('skipped'), own: 'completed' })
  })
})

function ends({ seen }: Awaited<ReturnType<typeof serve>>): Record<string, string> {
  const told = seen.outcomes.map(({ name, outcome }) => [
    name,
    'reason' in outcome ? `${outcome.outcome} ${outcome.reason}` : outcome.outcome,
  ])
  return Object.fromEntries(told) as Record<string, string>
}

const ABORTED = {
  settled: 'completed',
  sent: "skipped runOn 'sent': the response was aborted",
  success: "skipped runOn 'success': the response was aborted",
}

/** What a client does that leaves: before the response once the handler `added`, or after its first bytes. */
type Leave = (port: number, added: Promise<void>) => Promise<void>

/** A server whose handler adds and then answers when told to; `leave` is what the client does meanwhile. */
async function leaves(protocol: Protocol, answer: (ctx: Context) => unknown, leave: Leave) {
  const added = gate()
  const end = gate()
  await using server = await serve({
    protocol,
    handler: async (ctx) => {
      addEach(ctx, telling(server.log))
      answer(ctx)
      added.resolve()
      if (ctx.status === 404) await end.promise
    },
  })
  await leave(server.port, added.promise)
  await server.gated()
  await server.tasks.idle()
  end.resolve()
  return { log: server.log, ends: ends(server), classes: server.gates.map(({ request }) => request.response) }
}

const overHttp1 =
  (how: 'destroy' | 'resetAndDestroy', first: boolean): Leave =>
  async (port, added) => {
    using client = await RawClient.connect(port)
    const connected = once(client.socket, 'close')
    client.send('/')
    if (first) {
      await once(client.socket, 'data')
      client.socket.pause()
    } else await added
    client.socket[how]()
    await connected
  }

interface OverHttp2 {
  readonly protocol?: Protocol
  readonly how: 'cancel' | 'no error' | 'destroy'
  readonly first: boolean
  /** How many bytes it lets come. */
  readonly window?: number
}
const overHttp2 =
  ({ protocol = 'h2c', how, first, window }: OverHttp2): Leave =>
  async (port, added) => {
    const session = connectHttp2(port, protocol, window === undefined ? {} : { initialWindowSize: window })
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => undefined)
    const closed = once(stream, 'close')
    if (first) await once(stream, 'response')
    else await added
    if (how === 'destroy') session.destroy()
    else stream.close(how === 'cancel' ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_NO_ERROR)
    await closed
    session.destroy()
  }

describe('rule 2: the client leaves', () => {
  const never = () => undefined
  const endless = (ctx: Context) => {
    ctx.body = new PassThrough().on('error', () => undefined)
    ctx.flushHeaders()
  }
  const small = (ctx: Context) => void (ctx.body = 'hi')
  const big = (ctx: Context) => void (ctx.body = Buffer.alloc(64 * MIB))
  test.each([
    ['http1, before the response', 'http1', never, overHttp1('destroy', false)],
    ['http1, before the response, by a reset', 'http1', never, overHttp1('resetAndDestroy', false)],
    ['http1, during 64 MiB', 'http1', big, overHttp1('destroy', true)],
    ['http1, during 64 MiB, by a reset', 'http1', big, overHttp1('resetAndDestroy', true)],
    ['h2c, before the response, by a cancel', 'h2c', never, overHttp2({ how: 'cancel', first: false })],
    ['h2c, during 64 MiB, by a cancel', 'h2c', big, overHttp2({ how: 'cancel', first: true })],
    ['h2c, before the response, without an error', 'h2c', never, overHttp2({ how: 'no error', first: false })],
    ['h2c, during a stream, by a cancel without an error', 'h2c', endless, overHttp2({ how: 'no error', first: true })],
    ['h2c, two bytes it does not let come', 'h2c', small, overHttp2({ how: 'cancel', first: true, window: 0 })],
    ['h2c, before the response, with its connection', 'h2c', never, overHttp2({ how: 'destroy', first: false })],
    ['h2c, during 64 MiB, with its connection', 'h2c', big, overHttp2({ how: 'destroy', first: true })],
    ['h2, during 64 MiB, by a cancel', 'h2', big, overHttp2({ protocol: 'h2', how: 'cancel', first: true })],
  ] as const)(
    '%s: aborted, the task runs once and what asked for more is skipped',
    async (_, protocol, answer, leave) => {
      const told = await leaves(protocol, answer, leave)
      expect(told.classes).toEqual(['aborted'])
      expect(told.log).toEqual(['settled /', expect.stringContaining('settled aborted ')])
      expect(told.ends).toEqual(ABORTED)
    },
  )

  test.each<[Protocol, (ctx: Context) => void]>([
    ['http1', (ctx) => void ctx.res.destroy()],
    ['h2c', (ctx) => (ctx.res as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_NO_ERROR)],
  ])('%s: a handler that cuts its own response aborts it', async (protocol, cut) => {
    await using server = await serve({
      protocol,
      handler: (ctx) => {
        addEach(ctx, telling(server.log))
        ctx.respond = false
        ctx.res.write('x', () => cut(ctx))
      },
    })
    await ask(server.port, protocol).catch(() => undefined)
    await server.gated()
    await server.tasks.idle()
    expect(ends(server)).toEqual(ABORTED)
  })

  // Node tells such a response that its stream is gone only when the handler ends it.
  test('h2c, HEAD, before the response: aborted once the handler answers', async () => {
    const added = gate()
    await using server = await serve({
      protocol: 'h2c',
      handler: async (ctx) => {
        addEach(ctx, telling(server.log))
        added.resolve()
        const { stream } = ctx.res as unknown as Http2ServerResponse
        await once(stream, 'close')
        server.log.push('answers')
        ctx.body = 'hi'
      },
    })
    const session = connectHttp2(server.port, 'h2c')
    const request = session.request({ ':path': '/', ':method': 'HEAD' })
    await added.promise
    request.close(constants.NGHTTP2_NO_ERROR)
    await server.gated()
    await server.tasks.idle()
    session.destroy()
    expect(server.log).toEqual(['answers', 'settled /', 'settled aborted 200'])
    expect(ends(server)).toEqual(ABORTED)
  })
})

import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import http from 'node:http'
import https from 'node:https'
import { afterEach, describe, expect, test } from '@jest/globals'
import Koa, { type Middleware } from 'koa'
import { createTasks, gracefulShutdown, type ShutdownOptions, type ShutdownStage } from 'koa-afterglow'
import { connectHttp2, RawClient } from '../support/http-client.ts'
import { createServer, type Protocol } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'

/** A server that shuts down when the test says so: no signal, as in a test of an application. */
class Service implements AsyncDisposable {
  readonly stages: ShutdownStage[] = []
  readonly server: Server
  readonly begin = new AbortController()
  readonly #entered = new Map<ShutdownStage, PromiseWithResolvers<void>>()
  readonly #done: ReturnType<typeof gracefulShutdown>

  private constructor(server: Server, options: Partial<ShutdownOptions>, tasks: ShutdownOptions['tasks']) {
    this.server = server
    this.#done = gracefulShutdown({
      server,
      tasks,
      signals: [],
      begin: this.begin.signal,
      onStage: (stage) => {
        this.stages.push(stage)
        this.#enteredOf(stage).resolve()
      },
      ...options,
    })
  }

  static async start(
    handler: Middleware,
    { protocol = 'http1', ...options }: Partial<ShutdownOptions> & { readonly protocol?: Protocol } = {},
  ): Promise<Service> {
    const tasks = createTasks({ logger: false })
    const app = new Koa().use(tasks.middleware()).use(handler)
    const server = createServer(protocol, app)
    const service = new Service(server, options, tasks)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return service
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async enters(stage: ShutdownStage): Promise<void> {
    await this.#enteredOf(stage).promise
  }

  stop(): ReturnType<typeof gracefulShutdown> {
    this.begin.abort()
    return this.#done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #enteredOf(stage: ShutdownStage): PromiseWithResolvers<void> {
    const entered = this.#entered.get(stage) ?? Promise.withResolvers()
    this.#entered.set(stage, entered)
    return entered
  }
}

const agents: http.Agent[] = []
afterEach(() => agents.splice(0).forEach((agent) => agent.destroy()))

/** Keeps one connection, and says what each answer asked of it. */
function client(port: number, protocol: 'http1' | 'tls' = 'http1') {
  const agent = new (protocol === 'tls' ? https : http).Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return async (path = '/') => {
    const options = { host: '127.0.0.1', port, path, agent, rejectUnauthorized: false }
    const request = (protocol === 'tls' ? https : http).request(options).end()
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    let bytes = 0
    for await (const chunk of response) bytes += (chunk as Buffer).length
    return { status: response.statusCode, connection: response.headers.connection, bytes }
  }
}

/** No connection that is only idle is left by then. */
const longerThanIdle = () => new Promise((resolve) => setTimeout(resolve, 800))

const FULL: readonly ShutdownStage[] = ['unready', 'server', 'tasks', 'closing', 'telemetry', 'done']

describe('gracefulShutdown', () => {
  test('goes through its stages, and gives the report of the drain', async () => {
    const service = await Service.start((ctx) => {
      ctx.tasks.add('after', () => 1)
      ctx.body = 'ok'
    })
    expect(await client(service.port)()).toMatchObject({ status: 200, connection: 'keep-alive' })
    expect(await service.stop()).toMatchObject({ interrupted: [] })
    expect(service.stages).toEqual(FULL)
  })

  test.each(['http1', 'tls'] as const)(
    'answers what is being served, and asks its client to leave (%s)',
    async (protocol) => {
      const [held, came] = [gate(), gate()]
      const handler: Middleware = async (ctx) => {
        came.resolve()
        await held.promise
        ctx.tasks.add('after', () => 1)
        ctx.body = 'ok'
      }
      const service = await Service.start(handler, { protocol })
      const answer = client(service.port, protocol)()
      await came.promise
      const done = service.stop()
      await service.enters('server')
      await longerThanIdle()
      held.resolve()
      expect(await answer).toEqual({ status: 200, connection: 'close', bytes: 2 })
      expect(await done).toMatchObject({ settled: 1, interrupted: [] })
    },
  )

  test.each(['http1', 'tls'] as const)(
    'answers a request that was under way on an idle connection (%s)',
    async (protocol) => {
      const service = await Service.start((ctx) => void (ctx.body = 'ok'), { protocol })
      const ask = client(service.port, protocol)
      await ask()
      const done = service.stop()
      await service.enters('server')
      expect(await ask()).toEqual({ status: 200, connection: 'close', bytes: 2 })
      await done
      expect(service.server.listening).toBe(false)
    },
  )

  test('serves on for readyDelayMs, to new connections too', async () => {
    const delayed = gate()
    const service = await Service.start((ctx) => void (ctx.body = 'ok'), {
      readyDelayMs: 1_000,
      onStage: (stage) => stage === 'unready' && delayed.resolve(),
    })
    const done = service.stop()
    await delayed.promise
    expect(await client(service.port)()).toMatchObject({ status: 200, connection: 'close' })
    await done
  })

  test.each(['http1', 'tls', 'h2', 'h2c'] as const)(
    'is not held up by who is connected and silent (%s)',
    async (protocol) => {
      const service = await Service.start((ctx) => void (ctx.body = 'ok'), { protocol })
      if (protocol === 'h2' || protocol === 'h2c') await once(connectHttp2(service.port, protocol), 'remoteSettings')
      else await client(service.port, protocol)()
      using silent = await RawClient.connect(service.port)
      // Over TLS nobody can tell a slow handshake from none.
      if (protocol === 'tls' || protocol === 'h2') silent.socket.destroy()
      await service.stop()
      expect(service.stages).toEqual(FULL)
    },
  )

  test.each(['h2', 'h2c'] as const)('finishes streams of HTTP/2, and opens no more (%s)', async (protocol) => {
    const [held, came] = [gate(), gate()]
    const service = await Service.start(
      async (ctx) => {
        came.resolve()
        await held.promise
        ctx.body = 'ok'
      },
      { protocol },
    )
    const session = connectHttp2(service.port, protocol)
    const stream = session.request({ ':path': '/' }).setEncoding('utf8')
    let body = ''
    stream.on('data', (chunk: string) => (body += chunk))
    await came.promise
    const done = service.stop()
    await once(session, 'goaway')
    await longerThanIdle()
    held.resolve()
    await once(stream, 'close')
    expect(body).toBe('ok')
    await done
  })

  test('cuts what does not end when the stage does, connections that were upgraded too', async () => {
    const service = await Service.start((ctx) => void (ctx.body = 'ok'), { deadlineMs: 400 })
    service.server.on(
      'upgrade',
      (_request: unknown, socket: Socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    )
    using upgraded = await RawClient.connect(service.port)
    upgraded.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n')
    await upgraded.receives('\r\n\r\n')
    const closed = once(upgraded.socket, 'close')
    await service.stop()
    await closed
    expect(upgraded.socket.destroyed).toBe(true)
  })

  test('several servers end together; none is fine', async () => {
    const tasks = createTasks({ logger: false })
    const servers = [http.createServer(), http.createServer()]
    for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
    await gracefulShutdown({ server: servers, tasks, signals: [], begin: AbortSignal.abort() })
    expect(servers.map(({ listening }) => listening)).toEqual([false, false])
    const report = await gracefulShutdown({ tasks, signals: [], begin: AbortSignal.abort() })
    expect(report).toMatchObject({ settled: 0 })
  })

  test('what onStage or onClosed throws is thrown once all is done', async () => {
    for (const failing of ['onStage', 'onClosed'] as const) {
      let flushed = false
      const shutdown = gracefulShutdown({
        tasks: createTasks({ logger: false }),
        telemetry: { shutdown: async () => void (flushed = true) },
        signals: [],
        begin: AbortSignal.abort(),
        [failing]: () => {
          throw new Error(`${failing} is broken`)
        },
      })
      await expect(shutdown).rejects.toThrow(`${failing} is broken`)
      expect(flushed).toBe(true)
    }
  })

  test.each([
    [{ signals: [] }, 'nothing would ever begin it'],
    [{ deadlineMs: 0 }, '`deadlineMs` to be positive'],
    [{ readyDelayMs: 25_000 }, '`readyDelayMs` to be a part of `deadlineMs`'],
    [{ readyDelayMs: Number.NaN }, '`readyDelayMs` to be a part of `deadlineMs`'],
  ])('refuses %p', async (options, message) => {
    const tasks = createTasks({ logger: false })
    await expect(gracefulShutdown({ tasks, ...options })).rejects.toThrow(message)
    await tasks.close()
  })
})

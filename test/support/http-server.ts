import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import Koa, { type Context, type Middleware } from 'koa'
import { createTasks, type GateFacts, type TaskContext, type Tasks, type TasksOptions } from 'koa-afterglow'
import { manualTasks, seeing, type Seen } from './runner.ts'

export type Protocol = 'http1' | 'tls' | 'h2c' | 'h2'

let certificate: string | undefined

/** A key and its certificate, one PEM, valid for a day. */
export function selfSigned(): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '-']
  const args = ['req', '-x509', ...key, '-days', '1', '-subj', '/CN=localhost']
  return (certificate ??= execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}

export function createServer(protocol: Protocol, app: Koa): Server {
  const listener = app.callback() as http.RequestListener & ((req: http2.Http2ServerRequest, res: never) => void)
  if (protocol === 'http1') return http.createServer(listener)
  if (protocol === 'h2c') return http2.createServer(listener as never)
  const tls = { key: selfSigned(), cert: selfSigned() }
  return protocol === 'tls' ? https.createServer(tls, listener) : http2.createSecureServer(tls, listener as never)
}

export interface Listening extends AsyncDisposable {
  readonly port: number
}

/** Serves on a free port until it is disposed of, which cuts whatever is still connected. */
export async function listen(app: Koa, protocol: Protocol = 'http1'): Promise<Listening> {
  const server = createServer(protocol, app)
  const sockets = new Set<Socket>()
  for (const event of ['connection', 'secureConnection'])
    server.on(event, (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

export interface HttpBench extends Listening {
  readonly app: Koa
  readonly tasks: Tasks
  readonly seen: Seen
  readonly gates: GateFacts[]
  /** What happened, in order: `settled` is a response's first `finish` or `close`; the test writes the rest. */
  readonly log: string[]
  /** Resolves once the gates of `count` requests opened because their responses settled. */
  gated(count?: number): Promise<void>
}

export interface ServeOptions extends TasksOptions {
  readonly protocol?: Protocol
  readonly app?: Koa
  readonly handler: Middleware
}

/** A Koa application with tasks on a real socket. Disposing of it closes both, and gives up what still waits. */
export async function serve({ protocol, app, handler, ...options }: ServeOptions): Promise<HttpBench> {
  const tasks = createTasks({ logger: false, ...options })
  const seen = seeing()
  tasks.observe(seen)
  return bench({ app: app ?? new Koa(), tasks, seen, handler }, protocol)
}

/** The same on a clock that the test turns: no task starts and no time passes unless it says so. */
export async function serveByHand({ protocol, app, handler, ...options }: ServeOptions) {
  const { tasks, clock, seen } = manualTasks(options)
  return { ...(await bench({ app: app ?? new Koa(), tasks, seen, handler }, protocol)), clock }
}

interface Parts {
  readonly app: Koa
  readonly tasks: Tasks
  readonly seen: Seen
  readonly handler: Middleware
}

async function bench({ app, tasks, seen, handler }: Parts, protocol: Protocol = 'http1'): Promise<HttpBench> {
  const log: string[] = []
  const gates: GateFacts[] = []
  const waiters: (() => void)[] = []
  tasks.observe({
    name: 'gates',
    gate: (facts) => {
      gates.push({ ...facts, request: { ...facts.request } })
      for (const look of waiters.splice(0)) look()
    },
  })
  app.silent = true
  app.use(tasks.middleware())
  app.use((ctx, next) => {
    logSettled(ctx, log)
    return next()
  })
  app.use(handler)
  const listening = await listen(app, protocol)
  async function gated(count = 1): Promise<void> {
    while (gates.length < count) await new Promise<void>((resolve) => waiters.push(resolve))
  }
  return {
    app,
    tasks,
    seen,
    gates,
    log,
    port: listening.port,
    gated,
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  }
}

function logSettled({ res, path }: Context, log: string[]): void {
  const settled = () => {
    res.removeListener('finish', settled)
    res.removeListener('close', settled)
    log.push(`settled ${path}`)
  }
  res.on('finish', settled)
  res.on('close', settled)
}

/** Work that writes down what it knows of its response. */
export const telling =
  (log: string[]) =>
  ({ name, request }: TaskContext<void>): void =>
    void log.push(`${name} ${request?.response} ${request?.statusCode}`)

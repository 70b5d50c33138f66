// Run by test/process/memory.test.ts in a process of its own:
//   node --expose-gc --conditions=koa-afterglow-source test/support/http-memory.ts waiting|left|resources
// Prints one line of JSON: what is still retained once every request is over, with http instrumentation registered.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { context, trace } from '@opentelemetry/api'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { AlwaysOnSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Context, Middleware } from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'

export interface MemoryReport {
  readonly requests: number
  /** SERVER spans that http instrumentation made: zero would mean that it was not there. */
  readonly serverSpans: number
  readonly bytesPerTask: number
  readonly inFlight: number
  readonly retained: Readonly<Record<'ctx' | 'req' | 'res' | 'span', number>>
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const spans = { server: 0 }
const counting = {
  onStart: () => undefined,
  onEnd: (span: { kind: number }) => void (spans.server += span.kind === 1 ? 1 : 0),
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
}
const provider = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [counting] })
trace.setGlobalTracerProvider(provider)
registerInstrumentations({ tracerProvider: provider, instrumentations: [new HttpInstrumentation()] })

// Instrumentation patches what is required after it.
const require = createRequire(import.meta.url)
const http = require('node:http') as typeof import('node:http')
const Koa = require('koa') as typeof import('koa')

const HOUR_MS = 3_600_000
const later = defineTask({ name: 'later', run: ({ id }: { id: number }) => id })
const refs: Record<'ctx' | 'req' | 'res' | 'span', WeakRef<object>[]> = { ctx: [], req: [], res: [], span: [] }

const WATCHED = 150

/** Watches the first ones only: a WeakRef costs memory itself, which would count as the tasks'. */
function remember(ctx: Context): void {
  seen.requests++
  if (refs.ctx.length >= WATCHED) return
  refs.ctx.push(new WeakRef(ctx))
  refs.req.push(new WeakRef(ctx.req))
  refs.res.push(new WeakRef(ctx.res))
  const span = trace.getActiveSpan()
  if (span) refs.span.push(new WeakRef(span))
}

const tasks = createTasks({ logger: false })
const agent = new http.Agent({ keepAlive: true })
const loops: NodeJS.Timeout[] = []
const seen = { requests: 0, adds: 0 }

const handlers: Record<string, Middleware> = {
  waiting: (ctx) => {
    ctx.tasks.add(later, { id: seen.adds++ }, { delayMs: HOUR_MS })
    ctx.body = 'ok'
  },
  // The client is gone by the time the handler adds.
  left: async (ctx) => {
    await once(ctx.res, 'close')
    ctx.tasks.add(later, { id: seen.adds++ }, { delayMs: HOUR_MS })
  },
  // What outlives a request in its async context: a loop, and a connection that a pool keeps.
  resources: async (ctx) => {
    loops.push(setInterval(() => undefined, HOUR_MS))
    if (ctx.path === '/add') ctx.tasks.add('once', () => undefined)
    await get('/pooled')
    ctx.body = 'ok'
  },
}

const mode = process.argv[2] ?? 'waiting'
// Koa's own store would keep `ctx` in a loop's async context whatever this library does.
const app = new Koa({ asyncLocalStorage: mode !== 'resources' })
app.silent = true
app.use(tasks.middleware())
app.use((ctx, next) => {
  if (ctx.path === '/pooled') return void (ctx.body = 'pooled')
  remember(ctx)
  return handlers[mode]?.(ctx, next) as unknown
})
const server: Server = http.createServer(app.callback()).listen(0)
await once(server, 'listening')
const { port } = server.address() as AddressInfo

function get(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.get({ port, agent, path }, (res) => void res.resume().on('end', resolve)).on('error', reject)
  })
}

async function leave(): Promise<void> {
  const before = seen.requests
  const request = http.get({ port, agent: false, path: '/left' })
  request.on('error', () => undefined)
  while (seen.requests === before) await new Promise((resolve) => setImmediate(resolve))
  const adds = seen.adds
  request.destroy()
  while (seen.adds === adds) await new Promise((resolve) => setImmediate(resolve))
}

async function heapUsed(): Promise<number> {
  for (let n = 0; n < 5; n++) {
    globalThis.gc!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

async function requests(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await (mode === 'left' ? leave() : get(n % 2 ? '/add' : '/plain'))
}

// Compiled code and caches grow at first; they are nobody's tasks.
const [warmUp, count] = mode === 'waiting' ? [2_000, 8_000] : [20, 200]
await requests(warmUp)
for (const list of Object.values(refs)) list.length = 0
const before = await heapUsed()
await requests(count)
const after = await heapUsed()

seen.requests -= warmUp
const alive = (list: readonly WeakRef<object>[]) => list.filter((ref) => ref.deref() !== undefined).length
const report: MemoryReport = {
  requests: seen.requests,
  serverSpans: spans.server,
  bytesPerTask: (after - before) / count,
  inFlight: Object.values(tasks.stats().inFlight).reduce((sum, one) => sum + one, 0),
  retained: { ctx: alive(refs.ctx), req: alive(refs.req), res: alive(refs.res), span: alive(refs.span) },
}
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit()

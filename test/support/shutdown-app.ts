// The application of test/process/shutdown.test.ts. Nothing in it waits for a clock that the test does not: `{ open: NAME }`
// from the parent opens a gate. SHUTDOWN is its options as JSON; with `--import koa-afterglow/otel` it has telemetry.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Router } from '@koa/router'
import Koa from 'koa'
import { createTasks, gracefulShutdown, type TaskContext } from 'koa-afterglow'
import { pino } from 'pino'

interface Options {
  readonly readyDelayMs?: number
  readonly deadlineMs?: number
  readonly graceMs?: number
  readonly telemetry?: boolean
  readonly endEvents?: boolean
  readonly leak?: boolean
}
const options = JSON.parse(process.env['SHUTDOWN'] ?? '{}') as Options

const gates = new Map<string, PromiseWithResolvers<void>>()
const gate = (name: string) => {
  const made = gates.get(name) ?? Promise.withResolvers<void>()
  gates.set(name, made)
  return made
}
process.on('message', ({ open }: { open: string }) => gate(open).resolve())
process.channel?.unref()

const logger = pino({ base: null, timestamp: false }, pino.destination({ fd: 1, sync: true }))
const { graceMs = 200 } = options
const tasks = createTasks({ logger, limits: { graceMs } })

const kinds: Record<string, (task: TaskContext<void>) => unknown> = {
  plain: () => 1,
  held: () => gate('task').promise,
  slow: () => sleep(300),
  nests: (task) => {
    task.add('child', async (child) => {
      await sleep(20)
      child.add('grandchild', () => sleep(20))
    })
  },
  retries: (task) => {
    if (task.attempt < 3) task.retry({ afterMs: 50, beyondAttempts: true })
  },
  'retries tomorrow': (task) => task.retry({ afterMs: 86_400_000, beyondAttempts: true }),
  hangs: () => new Promise(() => undefined),
  polite: async ({ signal }) => {
    await once(signal, 'abort')
    throw signal.reason
  },
  crashes: async () => {
    await gate('crash').promise
    setImmediate(() => {
      throw new Error('nobody catches this')
    })
  },
}

const streams = new Set<{ end(): void }>()
const router = new Router()
  .get('/add/:kind', (ctx) => {
    const kind = String(ctx.params['kind'])
    const delayMs = Number(ctx.query['delayMs'] ?? 0)
    const run = kinds[kind] ?? (() => undefined)
    ctx.body = { id: ctx.tasks.add(kind, run, { delayMs, override: { timeoutMs: 60_000 } }).id }
  })
  .get('/hold', async (ctx) => {
    logger.info('holding')
    await gate('answer').promise
    ctx.body = { id: ctx.tasks.add('plain', () => 1).id }
  })
  .post('/upload', async (ctx) => {
    let bytes = 0
    for await (const chunk of ctx.req) {
      if (bytes === 0) logger.info('uploading')
      bytes += (chunk as Buffer).length
    }
    ctx.body = { bytes, id: ctx.tasks.add('plain', () => 1).id }
  })
  .get('/download', async (ctx) => {
    ctx.tasks.add('plain', () => 1)
    ctx.respond = false
    ctx.res.write('first,')
    await gate('download').promise
    ctx.res.end('last')
  })
  .get('/events', (ctx) => {
    ctx.tasks.add('plain', () => 1)
    ctx.respond = false
    ctx.res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hello\n\n')
    streams.add(ctx.res)
  })

const app = new Koa().use(tasks.middleware()).use(tasks.probes()).use(router.routes())
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
if (options.leak) setInterval(() => undefined, 60_000)
// Importing it starts it.
const telemetry = options.telemetry ? await import('koa-afterglow/otel') : undefined
const shutdown = gracefulShutdown({
  server,
  tasks,
  ...(telemetry && { telemetry }),
  ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }),
  ...(options.readyDelayMs !== undefined && { readyDelayMs: options.readyDelayMs }),
  onStage(stage) {
    logger.info({ stage }, `stage ${stage}`)
    if (stage === 'server' && options.endEvents) for (const stream of streams) stream.end()
  },
})
// Only now can a signal come.
logger.info(`listening on ${(server.address() as AddressInfo).port}`)
const report = await shutdown
const interrupted = report.interrupted.map(({ name, id }) => ({ name, id }))
logger.info({ report: { ...report, interrupted } }, 'report')

import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa, { type Context } from 'koa'
import type { Add, Tasks } from 'koa-afterglow'
import { quick } from './kinds.ts'
import type { Tally } from './tally.ts'

export interface SoakServer {
  /** One request by each way a request can go; `addSome` is what the one that just answers adds. */
  visit(addSome: (add: Add) => void): Promise<void>
  /** The status of a guarded route. */
  guarded(): Promise<number>
  close(): Promise<void>
}

type Handler = (ctx: Context, visit: Visit) => unknown
interface Visit {
  readonly addSome: (add: Add) => void
  readonly arrived: () => void
}

/** Routes, each with what becomes of its tasks written beside them. */
const routes = (tally: Tally): Readonly<Record<string, Handler>> => ({
  '/answers': (ctx, { addSome }) => {
    addSome(ctx.tasks.add)
    ctx.tasks.add(quick, 1, { override: { runOn: 'success' } })
    tally.ends('completed')
    ctx.body = 'ok'
  },
  '/fails': (ctx) => {
    ctx.tasks.add(quick, 1, { override: { runOn: 'success' } })
    ctx.tasks.add(quick, 1, { override: { runOn: 'sent' } })
    ctx.tasks.add(quick, 1)
    tally.ends('skipped')
    tally.ends('completed', 2)
    throw new Error('the handler fails after its adds')
  },
  '/is-left': async (ctx, { arrived }) => {
    ctx.tasks.add(quick, 1, { override: { runOn: 'sent' } })
    ctx.tasks.add(quick, 1)
    tally.ends('skipped')
    tally.ends('completed')
    const closed = once(ctx.res, 'close')
    arrived()
    await closed
  },
  '/releases': async (ctx) => {
    const released = ctx.tasks.add(quick, 1)
    const waits = ctx.tasks.add(quick, 1, { override: { runOn: 'sent' } })
    tally.ends('completed', 2)
    ctx.tasks.release()
    await released.settled
    void waits
    ctx.body = 'ok'
  },
  '/adds-late': (ctx) => {
    const { add } = ctx.tasks
    ctx.res.once('close', () => setImmediate(() => add(quick, 1)))
    tally.ends('completed')
    ctx.body = 'ok'
  },
})

function application(tasks: Tasks, tally: Tally, visits: ReadonlyMap<string, Visit>): Koa {
  const handlers = routes(tally)
  const guard = tasks.guard()
  const app = new Koa()
  app.silent = true
  app.use(tasks.middleware())
  app.use(async (ctx, next) => {
    if (ctx.path !== '/guarded') return void (await next())
    await guard(ctx, () => Promise.resolve(void (ctx.body = 'ok')))
  })
  app.use((ctx) => {
    const visit = visits.get(String(ctx.query['id']))
    return visit && handlers[ctx.path]?.(ctx, visit)
  })
  return app
}

/** A real Koa application on a real socket, asked over connections that are kept. */
export async function startServer(tasks: Tasks, tally: Tally): Promise<SoakServer> {
  const visits = new Map<string, Visit>()
  const app = application(tasks, tally, visits)
  const server = http.createServer(app.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 })
  let visited = 0

  async function ask(path: string, visit: Visit, options: http.RequestOptions = { agent }): Promise<number> {
    const id = String(visited++)
    visits.set(id, visit)
    const request = http.get({ host: '127.0.0.1', port, path: `${path}?id=${id}`, ...options })
    try {
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      const ended = once(response, 'end')
      response.resume()
      await ended
      return response.statusCode ?? 0
    } finally {
      visits.delete(id)
    }
  }

  /** The client goes once the handler has added, and before it answers. */
  async function leave(): Promise<void> {
    const aborting = new AbortController()
    const asked = ask('/is-left', { ...NOTHING, arrived: () => aborting.abort() }, { signal: aborting.signal })
    await asked.catch((error: unknown) => {
      if (!aborting.signal.aborted) throw error
    })
  }

  return {
    visit: async (addSome) => {
      const answered = ['/answers', '/fails', '/releases', '/adds-late'].map((path) =>
        ask(path, { ...NOTHING, addSome }),
      )
      await Promise.all([...answered, leave()])
    },
    guarded: () => ask('/guarded', NOTHING),
    close: async () => {
      agent.destroy()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const NOTHING: Visit = { addSome: () => undefined, arrived: () => undefined }

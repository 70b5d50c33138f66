// A pool whose connection was opened inside a task and is used by another request. Something rejects on it that nobody
// handles; says on whom it is put, and whether the process lives on. Usage: stray-pool-app.ts SCENARIO
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Koa from 'koa'
import { createTasks } from 'koa-afterglow'

const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)

/** Answers each line with the same line. */
const echo = net.createServer((socket) => socket.pipe(socket)).listen(0)
await once(echo, 'listening')

/** One connection, opened by whoever asks first and kept: what a pool of one does. */
class Pool {
  #socket: Socket | undefined
  readonly #waiting: ((line: string) => void)[] = []

  ask(line: string): Promise<string> {
    this.#socket ??= this.#open()
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    // As drivers do: the promise is settled where the socket's data comes in.
    this.#waiting.push((answer) => (answer.startsWith('bad') ? reject(new Error(answer)) : resolve(answer)))
    this.#socket.write(`${line}\n`)
    return promise
  }

  #open(): Socket {
    const socket = net.connect((echo.address() as AddressInfo).port)
    socket.on('data', (data) => {
      for (const line of String(data).trim().split('\n')) this.#waiting.shift()?.(line)
    })
    return socket
  }
}

const scenario = process.argv[2] ?? ''
const longAgo = scenario.endsWith('long ago')
const CONTAIN_MS = 200
const pool = new Pool()
/** What of the pool floats: its own promise, rejected where the data came in, or that of a function that awaited it. */
const ask = scenario.startsWith('awaited')
  ? async (line: string) => await pool.ask(line)
  : (line: string) => pool.ask(line)
const tasks = createTasks({ logger: false, limits: { containMs: CONTAIN_MS } }).observe({
  name: 'saying',
  event: (event) => {
    if (event.type === 'stray_error')
      say({ task: event.record.name, message: event.error.message, contained: event.contained })
  },
})
const app = new Koa()
app.silent = true
app.use(tasks.middleware())
app.use((ctx) => {
  if (ctx.path === '/opens') ctx.tasks.add('opener', () => pool.ask('good'))
  else if (ctx.path === '/task-borrows')
    ctx.tasks.add('borrower', async () => {
      void ask('bad')
      // It runs on while its floating promise rejects.
      await pool.ask('good')
      await sleep(20)
    })
  else void ask('bad')
  ctx.body = 'ok'
})
const server = http.createServer(app.callback()).listen(0)
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const visit = async (path: string) => {
  await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
  await tasks.idle()
}

if (scenario.includes('opened outside')) await pool.ask('good')
else await visit('/opens')
if (longAgo) await sleep(2 * CONTAIN_MS)
await visit(scenario.includes('handler') ? '/handler-borrows' : '/task-borrows')
await sleep(50)
say({ alive: true })
process.exit()

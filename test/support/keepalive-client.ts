// Clients of a service that is told to end, in a process of their own: CONNECTIONS kept connections, each with one request
// after the other, none of them ever tried again. They leave a connection when its answer says so, and open another only
// while /readyz says yes, as a load balancer does. Prints a line of JSON when all are busy, and one when none is left.
//   node test/support/keepalive-client.ts PORT CONNECTIONS
import { once } from 'node:events'
import http from 'node:http'

const [port, connections] = process.argv.slice(2).map(Number) as [number, number]
const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)

const answers: Record<number, number> = {}
const errors: string[] = []
const ids: string[] = []
const state = { ready: true, busy: 0 }

async function ask(path: string, agent: http.Agent) {
  const request = http.get({ host: '127.0.0.1', port, path, agent })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode ?? 0, body, leave: response.headers.connection === 'close' }
}

/** One connection after the other, until there is to be no further one. */
async function send(): Promise<void> {
  for (let first = true; state.ready; first = false) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let leave = false; !leave;) {
      try {
        const { status, body, ...answer } = await ask('/add/slow', agent)
        answers[status] = (answers[status] ?? 0) + 1
        if (status === 200) ids.push((JSON.parse(body) as { id: string }).id)
        leave = answer.leave
        if (first && ++state.busy === connections) say({ busy: connections })
        first = false
      } catch (thrown) {
        errors.push(String((thrown as NodeJS.ErrnoException).code ?? thrown))
        leave = true
      }
    }
    agent.destroy()
  }
}

/** Asks on connections of its own, as probes do; stops at the first no. */
async function watch(): Promise<void> {
  while (state.ready) {
    const { status } = await ask('/readyz', new http.Agent())
    state.ready = status === 200
  }
  say({ ready: false })
}

// Without a load balancer in front nobody asks: a connection that was left is then not replaced.
const alone = process.argv[4] === 'alone'
const all = Array.from({ length: connections }, send)
if (alone) state.ready = false
else await watch()
await Promise.all(all)
say({ answers, errors, ids })

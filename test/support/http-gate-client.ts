// The client of test/process/http-gate.test.ts, in a process of its own. Asks for each path in turn on one connection, and
// touches FOLDER/N when it has the whole of the Nth response.
//   node test/support/http-gate-client.ts PROTOCOL PORT FOLDER PATH...
import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { connectHttp2 } from './http-client.ts'
import type { Protocol } from './http-server.ts'

const [protocol, port, folder, ...paths] = process.argv.slice(2) as [Protocol, string, string, ...string[]]

async function overHttp1(path: string, agent: http.Agent): Promise<number> {
  const options = { host: '127.0.0.1', port, path, agent, rejectUnauthorized: false }
  const request = (protocol === 'tls' ? https : http).request(options).end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let bytes = 0
  for await (const chunk of response) bytes += (chunk as Buffer).length
  return bytes
}

async function overHttp2(path: string, session: ReturnType<typeof connectHttp2>): Promise<number> {
  const stream = session.request({ ':path': path })
  let bytes = 0
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  await once(stream, 'end')
  return bytes
}

const agent = new (protocol === 'tls' ? https : http).Agent({ keepAlive: true, maxSockets: 1 })
const session = protocol === 'h2' || protocol === 'h2c' ? connectHttp2(Number(port), protocol) : undefined
for (const [n, path] of paths.entries()) {
  const bytes = await (session ? overHttp2(path, session) : overHttp1(path, agent))
  writeFileSync(join(folder, String(n)), String(bytes))
}
session?.close()
agent.destroy()

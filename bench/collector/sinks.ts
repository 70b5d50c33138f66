// Collectors as they can be, in a process of their own: one that answers, one that never does, one that takes five seconds.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const SLOW_MS = 5_000

const answer = (response: ServerResponse) => void response.setHeader('content-type', 'application/json').end('{}')
const kinds: Readonly<Record<string, (response: ServerResponse) => void>> = {
  answers: answer,
  hangs: () => {},
  slow: (response) => void setTimeout(() => answer(response), SLOW_MS),
}

for (const [kind, respond] of Object.entries(kinds)) {
  const server = createServer((request, response) => {
    request.resume().once('end', () => respond(response))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  process.stdout.write(`${kind} on ${(server.address() as AddressInfo).port}\n`)
}

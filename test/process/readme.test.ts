import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { Receiver } from '../support/otel-receiver.ts'
import { root, Started } from '../support/otel-process.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const program = 'test/examples/quick-start.ts'

/** The code blocks of one language, in order. */
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)```', 'g'))].map(([, code]) => code ?? '')

async function freePort(): Promise<string> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}

describe('the README', () => {
  test('shows the program that is tested', () => {
    expect(blocks('ts')[0]).toBe(readFileSync(join(root, program), 'utf8'))
  })

  test('shows the lines which that program logs, and the trace it makes', async () => {
    await using receiver = await new Receiver().listen()
    const port = await freePort()
    const app = new Started(['--import', 'koa-afterglow/otel', program], {
      PORT: port,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    })
    expect(await (await asked(`http://localhost:${port}`)).text()).toBe('Registration successful\n')
    await app.says('stdout', /"msg":"task failed"/)
    const server = await receiver.until(() => receiver.spans.find(({ kind }) => kind === 2))
    const runs = await receiver.until(() => {
      const all = receiver.spans.filter(({ name }) => name === 'run send-welcome')
      return all.length === 2 ? all : undefined
    })
    for (const run of runs) expect(run).toMatchObject({ traceId: server.traceId, parentSpanId: server.spanId })
    const { stdout } = await app.ends('SIGKILL')
    const logged = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const shown = (blocks('json')[0] ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(logged).toHaveLength(shown.length)
    shown.forEach((line, n) => expect(logged[n]).toMatchObject(line))
  })
})

/** Asks until the server listens. */
async function asked(url: string): Promise<Response> {
  for (;;)
    try {
      return await fetch(url)
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
}

// What documentation shows and tests run.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { root } from './otel-process.ts'

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The code blocks of one language in a document, in order. */
export const blocks = (document: string, language: string): string[] =>
  [...read(document).matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)```', 'g'))].map(([, code]) => code ?? '')

export async function freePort(): Promise<string> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}

/** Asks until the server listens. */
export async function asked(url: string): Promise<Response> {
  for (;;)
    try {
      return await fetch(url)
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
}

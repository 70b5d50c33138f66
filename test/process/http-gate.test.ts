import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { serve, type Protocol } from '../support/http-server.ts'
import { root } from '../support/otel-process.ts'

const MIB = 1 << 20
const GIVES_UP_MS = 5_000
const client = join(root, 'test/support/http-gate-client.ts')

/** Blocks this process until the file is there; false if it never comes. */
function blocksUntil(file: string): boolean {
  const until = performance.now() + GIVES_UP_MS
  while (!existsSync(file)) if (performance.now() > until) return false
  return true
}

/**
 * The task blocks the event loop until the client, a process of its own, has the whole response. If the task delayed its
 * response by anything at all, the two would wait for each other, and the task gives up.
 */
describe('rule 1: a task that blocks delays its own response by nothing', () => {
  test.each<[Protocol, string, number]>([
    ['http1', '2 bytes', 2],
    ['http1', '8 MiB', 8 * MIB],
    ['tls', '2 bytes', 2],
    ['tls', '8 MiB', 8 * MIB],
    ['h2c', '2 bytes', 2],
    ['h2c', '8 MiB', 8 * MIB],
    ['h2', '2 bytes', 2],
    ['h2', '8 MiB', 8 * MIB],
  ])(
    'over %s, %s, twice on one connection',
    async (protocol, _, size) => {
      const folder = mkdtempSync(join(tmpdir(), 'afterglow-gate-'))
      const received: boolean[] = []
      let requests = 0
      try {
        await using server = await serve({
          protocol,
          handler: (ctx) => {
            const file = join(folder, String(requests++))
            ctx.tasks.add('blocks', () => void received.push(blocksUntil(file)))
            ctx.body = Buffer.alloc(size, 'x')
          },
        })
        const args = [client, protocol, String(server.port), folder, '/a', '/b']
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
        expect(await once(child, 'exit')).toEqual([0, null])
        await server.tasks.idle()
        expect(received).toEqual([true, true])
        expect([0, 1].map((n) => readFileSync(join(folder, String(n)), 'utf8'))).toEqual([String(size), String(size)])
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    30_000,
  )
})

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { defineTask } from 'koa-afterglow'
import { TEN_MB } from '../support/hostile.ts'
import { serve } from '../support/http-server.ts'
import { gate } from '../support/runner.ts'
import { remembering } from '../support/telemetry.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** How many are still there after so many rounds; a collection of all that Jest keeps takes its time. */
async function left(refs: readonly WeakRef<object>[], rounds: number): Promise<number> {
  for (let n = 0; n < rounds && refs.some((ref) => ref.deref()); n++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return refs.filter((ref) => ref.deref() !== undefined).length
}

const post = async (port: number, body: Buffer) =>
  (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, headers: { connection: 'close' } })).status

describe('a body of ten megabytes as an input', () => {
  test('is handed on uncopied, in no log line, and let go once its task ended, whoever keeps the handle', async () => {
    const { lines, logger } = remembering()
    const bodies: WeakRef<object>[] = []
    const handles: unknown[] = []
    const work = gate()
    const same: boolean[] = []
    const store = defineTask({
      name: 'store',
      run: async (input: { body: Buffer; secret: string }, task) => {
        same.push(
          bodies.some((ref) => ref.deref() === input.body),
          task.input === input,
        )
        await work.promise
        if (bodies.length % 2) throw new Error('failed all the same')
      },
    })
    await using bench = await serve({
      logger,
      handler: async (ctx) => {
        const chunks: Buffer[] = []
        for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
        const body = Buffer.concat(chunks)
        bodies.push(new WeakRef(body))
        handles.push(ctx.tasks.add(store, { body, secret: 'hunter2' }))
        ctx.status = 202
      },
    })
    for (let n = 0; n < 3; n++) expect(await post(bench.port, Buffer.alloc(TEN_MB, 'x'))).toBe(202)
    expect(await left(bodies, 1)).toBe(3)
    work.resolve()
    await bench.tasks.idle()
    expect(same).toEqual([true, true, true, true, true, true])
    expect(await left(bodies, 20)).toBe(0)
    expect(handles).toHaveLength(3)
    const text = JSON.stringify(lines)
    expect(text).not.toContain('hunter2')
    expect(text).not.toContain('xxxx')
    expect(text.length).toBeLessThan(20_000)
  })
})

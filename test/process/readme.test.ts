import { describe, expect, test } from '@jest/globals'
import { asked, blocks as blocksOf, freePort, read } from '../support/docs.ts'
import { Receiver } from '../support/otel-receiver.ts'
import { Started } from '../support/otel-process.ts'

const program = 'test/examples/quick-start.ts'
const blocks = (language: string): string[] => blocksOf('README.md', language)

describe('the README', () => {
  test('shows the program that is tested', () => {
    expect(blocks('ts')[0]).toBe(read(program))
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

  test('shows in under twenty lines how failures are reported, retried and paged, and it is so', async () => {
    const shown = blocks('ts').find((block) => block.includes('errorHandler'))
    expect(shown).toBe(read('test/examples/failures.ts'))
    expect(shown?.trim().split('\n').length).toBeLessThan(20)
    const app = new Started(['test/support/failures-main.ts'], {})
    const { code, stdout } = await app.ends()
    expect(code).toBe(0)
    expect(stdout.trim().split('\n').toSorted()).toEqual([
      'ended: bounced failed after 1',
      'ended: broken failed after 3',
      'ended: declined discarded after 1',
      'ended: limited failed after 3',
      'listeners: 1',
      'paged: bounced failed',
      'paged: broken failed',
      'paged: limited failed',
      expect.stringMatching(/^tracked: task 'bounced' failed: it will not exist/),
      "tracked: task 'broken' failed after 3 attempts: TypeError: boom",
      expect.stringMatching(/^tracked: task 'limited' failed after 3 attempts: a retry was asked for/),
    ])
  })
})

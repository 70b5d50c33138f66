import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { asked, blocks, freePort, read } from '../support/docs.ts'
import { Receiver } from '../support/otel-receiver.ts'
import { Started } from '../support/otel-process.ts'
import { SentryIngest } from '../support/sentry-ingest.ts'

jest.setTimeout(60_000)

const BOOTSTRAP = ['--import', 'koa-afterglow/otel']
const sentry = (way: 'alone' | 'beside') => ['--import', `./test/examples/sentry-${way}.ts`]
const program = 'test/examples/sentry.ts'

let running: Started | undefined
afterEach(() => running?.kill())

function start(args: readonly string[], env: Readonly<Record<string, string>>): Started {
  return (running = new Started(args, env))
}

/** Runs the recipe, asks it once, and waits until its task has failed for good. */
async function ordered(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ app: Started; logged: Record<string, unknown> }> {
  const port = await freePort()
  const app = start([...args, program], { PORT: port, ...env })
  expect(await (await asked(`http://localhost:${port}`)).text()).toBe('Order placed\n')
  const [line] = await app.says('stdout', /^.*"msg":"task failed".*$/m)
  return { app, logged: JSON.parse(line) as Record<string, unknown> }
}

describe('the recipe for Sentry', () => {
  test('is what docs/errors.md shows', () => {
    const shown = blocks('docs/errors.md', 'ts')
    for (const name of ['sentry', 'sentry-alone', 'sentry-beside'])
      expect(shown).toContain(read(`test/examples/${name}.ts`))
  })

  test('beside koa-afterglow/otel: a failed task is there once, with its id, attempts and the trace of its request', async () => {
    await using receiver = await new Receiver().listen()
    await using ingest = await new SentryIngest().listen()
    const { app, logged } = await ordered([...BOOTSTRAP, ...sentry('beside')], {
      SENTRY_DSN: ingest.dsn,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    })
    const event = await ingest.until(() => ingest.events[0])
    const server = await receiver.until(() => receiver.spans.find(({ kind }) => kind === 2))
    const runs = await receiver.until(() => {
      const all = receiver.spans.filter(({ name }) => name === 'run charge-card')
      return all.length === 2 ? all : undefined
    })
    const { stderr } = await app.ends('SIGKILL')
    expect(event).toMatchObject({
      level: 'error',
      tags: { task: 'charge-card', 'task.outcome': 'failed', trace_id: server.traceId },
      contexts: { task: { id: logged['afterglow.task.id'], attempts: 2, statusCode: 200, traceId: server.traceId } },
      exception: {
        values: [
          { type: 'Error', value: 'the bank is closed' },
          { type: 'TaskFailedError', value: expect.stringContaining("task 'charge-card' failed after 2 attempts") },
        ],
      },
    })
    for (const run of runs) expect(run).toMatchObject({ traceId: server.traceId, parentSpanId: server.spanId })
    expect(ingest.events).toHaveLength(1)
    expect(stderr).toBe('')
  })

  test("alone: the task's spans are in Sentry, in the trace of its request, and the event is in that trace", async () => {
    await using ingest = await new SentryIngest().listen()
    const { app, logged } = await ordered(sentry('alone'), { SENTRY_DSN: ingest.dsn })
    const runs = await ingest.until(() => {
      const all = ingest.spans.filter(({ name }) => name === 'run charge-card')
      return all.length === 2 ? all : undefined
    })
    const event = await ingest.until(() => ingest.events[0])
    const { stderr } = await app.ends('SIGKILL')
    const request = ingest.spans.find(({ name, parent_span_id }) => name === 'GET' && !parent_span_id)
    const traceId = request?.trace_id
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    for (const run of runs) expect(run).toMatchObject({ trace_id: traceId, status: 'error' })
    expect(event).toMatchObject({
      tags: { task: 'charge-card', trace_id: traceId },
      contexts: { trace: { trace_id: traceId }, task: { id: logged['afterglow.task.id'], attempts: 2 } },
    })
    expect(logged).toMatchObject({ trace_id: traceId, 'afterglow.request.trace_id': traceId })
    expect(ingest.events).toHaveLength(1)
    expect(stderr).toBe('')
  })

  test('a rejection that escapes a task is there once, and the process lives: Sentry listens, so it is not contained', async () => {
    await using ingest = await new SentryIngest().listen()
    const app = start([...sentry('beside'), 'test/support/sentry-stray.ts'], { SENTRY_DSN: ingest.dsn })
    const event = await ingest.until(() => ingest.events[0])
    const { code, stdout } = await app.ends()
    expect(event.exception.values).toMatchObject([{ type: 'Error', value: 'nobody waits for this' }])
    expect(ingest.events).toHaveLength(1)
    expect({ code, ended: stdout.trim().endsWith('still here') }).toEqual({ code: 0, ended: true })
    const stray = stdout.split('\n').find((line) => line.includes('stray_error'))
    expect(JSON.parse(stray ?? '{}')).toMatchObject({
      'afterglow.task.name': 'floats',
      'afterglow.stray_error.contained': false,
    })
  })
})

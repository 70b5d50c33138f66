import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { Started } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'

const SECRET = 'hunter2-c0rrect-horse'

let receiver: Receiver
let app: Started | undefined

beforeEach(async () => {
  receiver = await new Receiver().listen()
})
afterEach(async () => {
  app?.kill()
  await receiver[Symbol.asyncDispose]()
})

async function ask(started: Started, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  app = started
  const [, port] = await started.says('stdout', /listening on (\d+)/)
  await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text()
}

const env = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', SECRET })

describe('what leaves a process by OTLP and on its output', () => {
  it('has no secret of headers, baggage, body, inputs, results, errors, hooks or stray errors in it', async () => {
    const started = new Started(['--import', 'koa-afterglow/otel', 'test/support/privacy-app.ts'], env())
    await ask(started, {
      authorization: `Bearer ${SECRET}`,
      cookie: `sid=${SECRET}`,
      'x-api-key': SECRET,
      baggage: `user=${SECRET}`,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    await started.says('stdout', /"afterglow.task.outcome":"failed"/)
    const { code, stdout, stderr } = await started.ends('SIGTERM')
    expect(code).toBe(0)
    const left = JSON.stringify([receiver.spans, receiver.logs, receiver.points, stdout, stderr])
    expect(left).not.toContain(SECRET)
    // And it was there to be hidden, on each way out.
    for (const way of [receiver.spans, receiver.logs, stdout]) expect(JSON.stringify(way)).toContain('[masked]')
    expect(receiver.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['GET', 'run charge', 'run refused', 'run strays', 'run discarded', 'drain']),
    )
    expect(receiver.logs.map(({ eventName }) => eventName)).toEqual(
      expect.arrayContaining(['afterglow.task.run.exception', 'afterglow.task.stray_error', 'afterglow.failure']),
    )
    expect(receiver.points.length).toBeGreaterThan(0)
  })
})

describe('a request that HTTP instrumentation ignores', () => {
  it('has recorded spans of its tasks, and nothing else', async () => {
    const started = new Started(['--require', './test/support/otel-ignoring.cjs', 'test/support/ignored-app.ts'], env())
    await ask(started)
    const { code, stderr } = await started.ends('SIGTERM')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [run, inside] = ['run mail', 'of the task'].map((name) => receiver.spans.find((span) => span.name === name))
    expect(run).toMatchObject({ parentSpanId: undefined })
    expect(inside).toMatchObject({ traceId: run?.traceId, parentSpanId: run?.spanId })
    expect(receiver.spans.map(({ name }) => name).toSorted()).toEqual(['drain', 'of the task', 'run mail'])
  })
})

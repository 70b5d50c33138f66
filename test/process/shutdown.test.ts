import { once } from 'node:events'
import http from 'node:http'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { RawClient } from '../support/http-client.ts'
import { Started, type Ended } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'

jest.setTimeout(60_000)

let app: Started
const agents: http.Agent[] = []
afterEach(() => {
  app.kill()
  for (const agent of agents.splice(0)) agent.destroy()
})

interface Options {
  readonly readyDelayMs?: number
  readonly deadlineMs?: number
  readonly graceMs?: number
  readonly telemetry?: boolean
  readonly endEvents?: boolean
  readonly leak?: boolean
}

async function start(options: Options = {}, env: Record<string, string> = {}): Promise<number> {
  const args = [...(options.telemetry ? ['--import', 'koa-afterglow/otel'] : []), 'test/support/shutdown-app.ts']
  app = new Started(args, { SHUTDOWN: JSON.stringify(options), ...env }, { ipc: true, limitMs: 30_000 })
  const [, port] = await app.says('stdout', /listening on (\d+)/, 30_000)
  return Number(port)
}

interface Answer {
  readonly status: number | undefined
  readonly connection: string | undefined
  readonly body: string
}

/** One kept connection. */
function client(port: number): (path: string) => Promise<Answer> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return async (path) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
    return { status: response.statusCode, connection: response.headers.connection, body }
  }
}

type Line = Readonly<Record<string, unknown>>
interface Report {
  readonly settled: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly interrupted: readonly { readonly name: string; readonly id: string }[]
}

function read({ stdout }: Ended) {
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const events = (name: string) => lines.filter((line) => line['otel.event.name'] === `afterglow.${name}`)
  return {
    lines,
    events,
    stages: lines.flatMap(({ stage }) => stage ?? []),
    report: lines.find(({ report }) => report)?.['report'] as Report | undefined,
  }
}

/** It ended by itself with 0, and nothing had to be said about it. */
async function ended(signal?: NodeJS.Signals) {
  const end = await app.ends(signal)
  expect({ code: end.code, stderr: end.stderr }).toEqual({ code: 0, stderr: '' })
  const seen = read(end)
  expect(seen.stages).toEqual(['unready', 'server', 'tasks', 'closing', 'telemetry', 'done'])
  const { report } = seen
  if (!report) throw new Error('there is no report')
  const drained = seen.events('drained')
  expect(drained).toMatchObject([
    { 'afterglow.drain.settled': report.settled, 'afterglow.drain.interrupted': report.interrupted.length },
  ])
  return { ...seen, report, drained }
}

/** A further signal: repeated, since what comes right behind one is the same one, until it shows. */
async function signalUntil(stage: string): Promise<void> {
  const again = setInterval(() => app.signal('SIGTERM'), 200)
  try {
    await app.says('stdout', new RegExp(`stage ${stage}"`), 20_000)
  } finally {
    clearInterval(again)
  }
}

describe('SIGTERM and requests', () => {
  test('an idle connection is let go, and an idle service ends with 0 and an empty report', async () => {
    const ask = client(await start())
    await ask('/livez')
    const { report } = await ended('SIGTERM')
    expect(report).toMatchObject({ settled: 0, interrupted: [] })
  })

  test('a request being served is answered, and its task runs', async () => {
    const port = await start()
    const answer = client(port)('/hold')
    await app.says('stdout', /"holding"/)
    app.signal('SIGTERM')
    await app.says('stdout', /stage server"/)
    app.send({ open: 'answer' })
    expect(await answer).toMatchObject({ status: 200, connection: 'close' })
    const { report, events } = await ended()
    expect(report).toMatchObject({ settled: 1, interrupted: [] })
    expect(events('task.completed')).toHaveLength(1)
  })

  test('a slow upload comes to its end, and its task runs', async () => {
    const port = await start()
    using raw = await RawClient.connect(port)
    raw.socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
    await app.says('stdout', /"uploading"/)
    app.signal('SIGTERM')
    await app.says('stdout', /stage server"/)
    raw.socket.write('67890')
    await raw.receives('}')
    expect(raw.received).toContain('"bytes":10')
    const { report, events } = await ended()
    expect(report).toMatchObject({ settled: 1, interrupted: [] })
    expect(events('task.completed')).toHaveLength(1)
  })

  test('a streaming download comes to its end; what it added runs then', async () => {
    const port = await start()
    using raw = await RawClient.connect(port)
    raw.send('/download')
    await raw.receives('first,\r\n')
    app.signal('SIGTERM')
    await app.says('stdout', /stage server"/)
    app.send({ open: 'download' })
    await raw.receives('last\r\n0\r\n\r\n')
    const { report, events } = await ended()
    expect(report).toMatchObject({ settled: 1, interrupted: [] })
    expect(events('task.completed')).toHaveLength(1)
  })

  test('a stream without end is cut with its stage, and what it added runs; or the app ends it', async () => {
    for (const endEvents of [true, false]) {
      const port = await start({ endEvents, deadlineMs: 3_000 })
      using raw = await RawClient.connect(port)
      raw.send('/events')
      await raw.receives('hello\n\n\r\n')
      const { report, events } = await ended('SIGTERM')
      expect(report).toMatchObject({ settled: 1, interrupted: [] })
      expect(events('task.completed')).toHaveLength(1)
      expect(raw.received.endsWith('0\r\n\r\n')).toBe(endEvents)
    }
  })

  test('requests that arrive during readyDelayMs are served and their tasks run, while /readyz says no', async () => {
    const port = await start({ readyDelayMs: 20_000 })
    const ask = client(port)
    expect(await ask('/readyz')).toMatchObject({ status: 200 })
    app.signal('SIGTERM')
    await app.says('stdout', /stage unready"/)
    expect(await ask('/readyz')).toMatchObject({ status: 503, connection: 'close' })
    expect(await client(port)('/livez')).toMatchObject({ status: 200 })
    expect(await client(port)('/add/slow')).toMatchObject({ status: 200, connection: 'close' })
    // Whoever sends requests has noticed.
    await signalUntil('server')
    const { report, events } = await ended()
    expect(report).toMatchObject({ settled: 1, interrupted: [] })
    expect(events('task.completed')).toHaveLength(1)
  })
})

describe('SIGTERM and tasks', () => {
  test('tasks that add tasks, retries in backoff and delayed tasks end', async () => {
    const ask = client(await start())
    await ask('/add/held')
    await ask('/add/nests')
    await ask('/add/retries')
    await ask('/add/plain?delayMs=400')
    app.signal('SIGTERM')
    await app.says('stdout', /stage tasks"/)
    app.send({ open: 'task' })
    const { report, events } = await ended()
    expect(report.interrupted).toEqual([])
    const names = events('task.completed').map((line) => String(line['afterglow.task.name']))
    expect(names.toSorted()).toEqual(['child', 'grandchild', 'held', 'nests', 'plain', 'retries'])
  })

  test('what is due only tomorrow is given up at once, by name', async () => {
    const ask = client(await start())
    await ask('/add/retries%20tomorrow')
    await ask('/add/plain?delayMs=86400000')
    await app.says('stdout', /task will be retried|"afterglow.task.outcome":"retried"/)
    const { report, drained } = await ended('SIGTERM')
    expect(report.interrupted.map(({ name }) => name).toSorted()).toEqual(['plain', 'retries tomorrow'])
    expect(drained).toMatchObject([{ level: 50, 'afterglow.drain.interrupted_ids': expect.anything() }])
  })

  test('a task that hangs is reported by name and id, and holds nothing up beyond the deadline', async () => {
    const ask = client(await start({ deadlineMs: 2_000 }))
    const { id } = JSON.parse((await ask('/add/hangs')).body) as { id: string }
    await ask('/add/polite')
    const { report, drained, events } = await ended('SIGTERM')
    expect(report.interrupted).toHaveLength(2)
    expect(report.interrupted).toContainEqual({ name: 'hangs', id })
    expect(events('task.interrupted')).toHaveLength(2)
    expect(drained[0]?.['afterglow.drain.interrupted_names']).toEqual(expect.arrayContaining(['hangs', 'polite']))
  })

  test('a second signal ends the waiting for requests, a third that for tasks', async () => {
    const port = await start()
    using raw = await RawClient.connect(port)
    raw.send('/events')
    await raw.receives('hello\n\n\r\n')
    await client(port)('/add/hangs')
    app.signal('SIGTERM')
    await app.says('stdout', /stage server"/)
    await signalUntil('tasks')
    await signalUntil('closing')
    const { report } = await ended()
    expect(report.interrupted).toMatchObject([{ name: 'hangs' }])
  })

  test('an error that nobody catches ends the process as ever; the line at its end names what is lost', async () => {
    const ask = client(await start({ deadlineMs: 20_000 }))
    await ask('/add/hangs')
    await ask('/add/crashes')
    app.signal('SIGTERM')
    await app.says('stdout', /stage tasks"/)
    app.send({ open: 'crash' })
    const end = await app.ends()
    expect(end.code).toBe(1)
    expect(end.stderr).toContain('Error: nobody catches this')
    const { events } = read(end)
    expect(events('task.stray_error')).toMatchObject([{ 'afterglow.stray_error.contained': false }])
    const [unfinished, ...more] = events('unfinished')
    expect(more).toEqual([])
    expect(unfinished?.['afterglow.unfinished.names']).toContain('hangs')
  })

  test('a process that something else keeps alive is ended at the deadline, which says what', async () => {
    await start({ leak: true, deadlineMs: 1_000 })
    const { code, stderr } = await app.ends('SIGTERM')
    expect(code).toBe(0)
    expect(stderr).toBe('koa-afterglow: still alive 1000 ms after the signal, kept by Timeout; ended\n')
  })
})

describe('SIGTERM under load', () => {
  interface Books {
    readonly answers: Readonly<Record<string, number>>
    readonly errors: readonly string[]
    readonly ids: readonly string[]
  }

  test.each([
    ['behind a load balancer that looks at /readyz', 20_000, []],
    ['with kept connections and nobody in front', 0, ['alone']],
  ])('no 5xx and no connection that breaks, %s', async (_how, readyDelayMs, flags) => {
    const port = await start({ readyDelayMs })
    const clients = new Started(['test/support/keepalive-client.ts', String(port), '20', ...flags], {})
    try {
      await clients.says('stdout', /"busy":20/)
      app.signal('SIGTERM')
      if (readyDelayMs > 0) {
        await clients.says('stdout', /"ready":false/)
        await signalUntil('server')
      }
      const { code, stdout, stderr } = await clients.ends()
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { answers, errors, ids } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Books
      expect(errors).toEqual([])
      expect(Object.keys(answers)).toEqual(['200'])
      const { report, events } = await ended()
      expect(report.interrupted).toEqual([])
      expect(
        events('task.completed')
          .map((line) => String(line['afterglow.task.id']))
          .toSorted(),
      ).toEqual(ids.toSorted())
    } finally {
      clients.kill()
    }
  })
})

describe('SIGTERM and telemetry', () => {
  const otlp = (receiver: Receiver) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  })

  test('the spans, counts and line of the drain itself have left when it ends', async () => {
    await using receiver = await new Receiver().listen()
    const ask = client(await start({ telemetry: true, deadlineMs: 3_000 }, otlp(receiver)))
    await ask('/add/hangs')
    await ask('/add/slow')
    const { report } = await ended('SIGTERM')
    expect(report.interrupted).toMatchObject([{ name: 'hangs' }])
    const spans = (name: string) => receiver.spans.filter((span) => span.name === name)
    expect(spans('drain')).toMatchObject([
      {
        attributes: {
          'afterglow.drain.interrupted': 1,
          'afterglow.drain.interrupted_names': ['hangs'],
          'afterglow.drain.interrupted_ids': [report.interrupted[0]?.id],
        },
      },
    ])
    expect(spans('run hangs')).toMatchObject([{ attributes: { 'afterglow.task.outcome': 'interrupted' } }])
    expect(receiver.logs.map(({ eventName }) => eventName)).toContain('afterglow.drained')
    const settled = receiver.points.findLast(
      ({ metric, attributes }) =>
        metric === 'afterglow.task.settled' &&
        attributes['afterglow.task.name'] === 'hangs' &&
        attributes['afterglow.task.outcome'] === 'interrupted',
    )
    expect(settled?.value).toBe(1)
  })

  test.each(['silence', 'unavailable'] as const)(
    'a collector that answers with %s costs no task and no exit code, and no more than its share of the deadline',
    async (answer) => {
      await using receiver = await new Receiver().listen()
      receiver.answer = answer
      const ask = client(await start({ telemetry: true, deadlineMs: 6_000 }, otlp(receiver)))
      await ask('/add/slow')
      const { code, stdout, stderr } = await app.ends('SIGTERM')
      expect({ code, stuck: stderr.includes('still alive') }).toEqual({ code: 0, stuck: false })
      const { stages, report } = read({ code, stdout, stderr })
      expect(stages.at(-1)).toBe('done')
      expect(report).toMatchObject({ interrupted: [] })
    },
  )
})

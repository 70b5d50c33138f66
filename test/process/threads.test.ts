import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { root, Started } from '../support/otel-process.ts'
import { Receiver } from '../support/otel-receiver.ts'

jest.setTimeout(30_000)

type Line = Readonly<Record<string, unknown>>

/** The lines that one case of test/support/thread-app.ts writes; it must end by itself, with exit code 0 and nothing on stderr. */
async function run(name: string, flags: readonly string[] = []): Promise<Line[]> {
  const app = join(root, 'test/support/thread-app.ts')
  const args = ['--conditions=koa-afterglow-source', '--no-warnings', ...flags, app, name]
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NODE_OPTIONS: '' }, timeout: 20_000 })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text))
  const [code] = (await once(child, 'close')) as [number | null]
  expect({ code, stderr: output.stderr }).toEqual({ code: 0, stderr: '' })
  return output.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

const completed = (value: unknown) => ({ outcome: 'completed', value, attempts: 1 })
const died = (message: string, rest: object = {}) => ({
  outcome: 'failed',
  error: expect.objectContaining({ name: 'ThreadDiedError', code: 'ERR_AFTERGLOW_THREAD_DIED', message, ...rest }),
})
/** A thread that replaced the first. */
const ANOTHER = completed(2)
const CARD = {
  name: 'CardDeclined',
  constructor: 'CardDeclined',
  code: 'card_declined',
  details: { bank: 'B', retries: [1, 2] },
}

describe('a task with `thread`', () => {
  test('gives its input to the default export and settles with what that gives back', async () => {
    expect(await run('default export')).toEqual([completed(42)])
  })

  test('takes .ts for .js and .js for .ts, whichever is there', async () => {
    expect(await run('another ending')).toEqual([completed(42)])
  })

  test('runs what a CommonJS module exports, whole or by name', async () => {
    expect(await run('CommonJS module')).toEqual([completed(40), completed(60)])
  })

  test('runs on a thread of its own and knows its attempt', async () => {
    const value = { isMainThread: false, threadId: 1, id: 32, name: 'where', attempt: 1, maxAttempts: 3 }
    expect(await run('what it sees')).toEqual([completed(value)])
  })

  test('of a durable engine runs on a thread too, and is dead if that dies under it', async () => {
    const where = (threadId: number) =>
      completed({ isMainThread: false, threadId, id: 32, name: 'where', attempt: 1, maxAttempts: 1 })
    expect(await run('durable engine')).toMatchObject([
      where(1),
      { outcome: 'failed', error: CARD },
      { outcome: 'failed', error: { name: 'ThreadDiedError' } },
      where(2),
      { dead: 'exit', errorType: 'ThreadDiedError' },
      { dead: 'fail', errorType: 'CardDeclined' },
    ])
  })

  test('writes through the logger of the main thread, at its level and with its bindings, and reports progress', async () => {
    const lines = await run('log and progress')
    expect(lines[0]).toEqual({ progress: 0.5, note: 'half' })
    const written = lines.filter(({ line }) => line).map(({ line }) => line)
    const bound = {
      'afterglow.task.name': 'talk',
      'afterglow.task.id': expect.any(String),
      'afterglow.task.attempt': 1,
    }
    expect(written.slice(0, 2)).toEqual([
      { ...bound, level: 'info', msg: 'plain' },
      { ...bound, level: 'warn', msg: 'with fields', page: 7, done: '[Function: done]', err: expect.anything() },
    ])
    expect(written).toHaveLength(3)
  })

  test('has no services and no add, and says so', async () => {
    const lacks = (what: string) => ({
      outcome: 'failed',
      error: { code: 'ERR_AFTERGLOW_SERVICES', message: expect.stringContaining(`there is no task.${what}`) },
    })
    expect(await run('what is not there')).toMatchObject([lacks('services'), lacks('add')])
  })

  test('is not failed by what it says, however odd', async () => {
    const lines = await run('odd talk')
    expect(lines.filter(({ outcome }) => outcome)).toMatchObject([
      { outcome: 'completed', value: 'log' },
      { outcome: 'completed', value: 'progress' },
      { outcome: 'failed', attempts: 2 },
      { outcome: 'discarded', reason: 'discarded' },
    ])
    expect(lines).toContainEqual({ progress: null, note: '' })
    const written = lines.flatMap(({ line }) => line ?? [])
    expect(written).toMatchObject([
      // Node says of a proxy that it is one since 26.
      { msg: 'odd', symbol: 'Symbol(x)', proxy: expect.stringMatching(/^\{\}$|^Proxy\(/), nested: '[unreadable]' },
      { msg: 'none', odd: '[Function: odd]' },
    ])
  })

  test('fails with what its `transfer` throws, or with what is wrong with that', async () => {
    expect(await run('bad transfer')).toMatchObject([
      { outcome: 'failed', error: { name: 'RangeError', message: 'of its own' } },
      { outcome: 'failed', error: { code: 'ERR_AFTERGLOW_INVALID_OPTION' } },
      {
        outcome: 'failed',
        error: { code: 'ERR_AFTERGLOW_INVALID_INPUT', message: expect.stringContaining('cannot be handed over') },
      },
    ])
  })

  test('may ask for another attempt, or end as discarded', async () => {
    expect(await run('retry and discard')).toMatchObject([
      { outcome: 'completed', value: 2, attempts: 2 },
      { outcome: 'discarded', reason: 'not worth it' },
    ])
  })

  test('hands over what `transfer` names on its last attempt only, and takes back what `move()` gave', async () => {
    expect(await run('transfer')).toEqual([{ back: [2, 3], attempts: 2, left: 0 }])
  })
})

describe('threads', () => {
  test('tasks that wait for one use no slot and no time of their timeout', async () => {
    const [inFlight, { outcomes } = {}] = await run('one thread at a time')
    expect(inFlight).toMatchObject({ running: 1, queued: 4 })
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'completed'))
  })

  test('beyond threads.maxQueue waiting, add() is overload', async () => {
    const refused = { name: 'TasksOverloadedError', message: expect.stringContaining('threads.maxQueue') }
    expect(await run('too many waiting')).toMatchObject([
      refused,
      { outcome: 'dropped', error: refused },
      { completed: 2, dropped: 0 },
    ])
  })

  test('close() waits for them, ends those that ignore its signal, and leaves none', async () => {
    expect(await run('drain')).toMatchObject([
      { outcome: 'completed' },
      { stuck: 'forever', killed: true },
      { outcome: 'interrupted' },
      { settled: 1, interrupted: ['forever'] },
      { exit: 0 },
    ])
  })
})

describe('a timeout', () => {
  test('ends a thread that ignores it, frees the slot, and reports no late completion', async () => {
    expect(await run('CPU loop past its timeout')).toEqual([
      { stuck: 'forever', killed: true },
      expect.objectContaining({ outcome: 'timed_out', error: expect.objectContaining({ name: 'TimeoutError' }) }),
      ANOTHER,
    ])
  })

  test('is seen in a loop that never awaits, and as an event by what waits', async () => {
    expect(await run('CPU loop that looks at its signal')).toMatchObject([
      { outcome: 'timed_out', error: { code: 'ERR_AFTERGLOW_TIMEOUT' } },
      { outcome: 'completed', value: 'stopped in time' },
      { outcome: 'timed_out', error: { code: 'ERR_AFTERGLOW_TIMEOUT' } },
    ])
  })

  test('like it, cancel() ends the thread after the grace', async () => {
    expect(await run('cancel')).toMatchObject([
      { stuck: 'forever', killed: true },
      { outcome: 'cancelled', reason: 'enough' },
    ])
  })
})

test('a function that throws the reason it was aborted for has no error of its own', async () => {
  expect(await run('cancel what looks at its signal')).toEqual([
    { outcome: 'cancelled', reason: 'enough', attempts: 1 },
  ])
})

describe('an error on a thread', () => {
  test('comes across with class, message, stack, causes and what it carries', async () => {
    const [card, unnamed, many, text, type] = (await run('errors')).map(({ error }) => error as Line)
    expect(card).toMatchObject({
      ...CARD,
      message: 'declined',
      cause: { name: 'RangeError', instances: ['RangeError'], cause: 'text' },
      firstFrame: expect.stringMatching(/^at fail .*thread-work\.ts/),
      shown: 'CardDeclined: declined',
    })
    expect(unnamed).toMatchObject({ name: 'Error', constructor: 'Unnamed' })
    expect(many).toMatchObject({ name: 'AggregateError', errors: [CARD, 'two'] })
    expect(text).toMatchObject({ name: 'NonErrorThrownError', cause: 'just text' })
    expect(type).toMatchObject({ constructor: 'TypeError', instances: ['TypeError'] })
  })

  test('is `expected` by its class or one above it, of which it then is an instance', async () => {
    expect(await run('expected error')).toMatchObject([
      { outcome: 'discarded', error: { ...CARD, instances: ['PaymentError'] } },
    ])
  })

  test('can be classified by its code', async () => {
    expect(await run('classify')).toMatchObject([{ outcome: 'discarded', reason: 'declined' }])
  })
})

describe('a thread that dies is a failed attempt, and another takes its place:', () => {
  test('an error that nobody caught', async () => {
    const cause = expect.objectContaining(CARD)
    expect(await run('throw in a timer')).toMatchObject([
      died("task 'throwInTimer': an error that nobody caught ended its thread: in a timer", { cause }),
      ANOTHER,
    ])
  })

  test('process.exit()', async () => {
    const message = "task 'exit': its thread ended with exit code 3 before its work, as by process.exit()"
    expect(await run('process.exit')).toMatchObject([died(message, { exitCode: 3 }), ANOTHER])
  })

  test('no memory left', async () => {
    const message = "task 'eatMemory': its thread ran out of memory; threads.resourceLimits says how much it has"
    expect(await run('out of memory')).toMatchObject([died(message), ANOTHER])
  })

  test.each([
    ['throw new Error("no start")', "task 'spin': its thread did not start: no start"],
    ['process.exit(4)', "task 'spin': its thread did not start: it ended at once"],
  ])('one that cannot start: %s', async (code, message) => {
    const preload = `import { isMainThread } from 'node:worker_threads'; if (!isMainThread) ${code}`
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
    expect(await run('a thread that cannot start', flags)).toMatchObject([died(message), died(message)])
  })
})

describe('what escapes a task on a thread', () => {
  test('a rejection is put on the task, and its thread lives', async () => {
    expect(await run('stray rejection')).toMatchObject([
      { stray: 'strayWhileRunning', contained: true, error: CARD },
      completed('fine'),
    ])
  })

  test("under strayErrors: 'report' it ends the thread", async () => {
    const message = "task 'strayWhileRunning': an error that nobody caught ended its thread: floating"
    expect(await run('stray rejection, only reported')).toMatchObject([died(message)])
  })

  test('after its end, too', async () => {
    const lines = await run('stray rejection after the end')
    expect(lines.filter(({ outcome }) => outcome)).toEqual([completed('fine')])
    expect(lines.filter(({ stray }) => stray)).toMatchObject([{ stray: 'strayLater', contained: true }])
  })

  test('a throw after its end is put on it once, ends its thread, and fails nothing else', async () => {
    const lines = await run('throw after the end')
    expect(lines.filter(({ stray }) => !stray)).toMatchObject([completed('fine'), { outcome: 'completed', value: 2 }])
    expect(lines.filter(({ stray }) => stray)).toMatchObject([{ stray: 'throwLater', contained: false }])
  })
})

describe('what cannot cross', () => {
  test('an input is refused by add(), with where it does not fit; at its start, what only a copy shows', async () => {
    expect(await run('uncloneable input')).toMatchObject([
      { name: 'InvalidInputError', issues: [{ path: 'on.done', message: 'a function at on.done' }] },
      { name: 'InvalidInputError', issues: [{ path: '', message: 'a promise at the top' }] },
      { accepted: 0, rejected: 2 },
      { outcome: 'failed', error: { name: 'InvalidInputError', cause: { name: 'DataCloneError' } } },
    ])
  })

  test('a result fails the attempt, with where it does not fit', async () => {
    const message = expect.stringContaining('gave back a function at deep.1')
    expect(await run('uncloneable result')).toMatchObject([
      { outcome: 'failed', error: { name: 'ThreadResultError', message } },
    ])
  })

  test('a task on a thread is refused at registration where piscina is not installed', async () => {
    const hide = `import Module from 'node:module'
      const resolve = Module._resolveFilename
      Module._resolveFilename = (name, ...rest) => resolve(name === 'piscina' ? 'not-installed' : name, ...rest)`
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(hide)}`]
    const message = "task 'spin' runs on a thread, which needs a package that is not installed: npm install piscina@^5"
    expect(await run('no piscina', flags)).toMatchObject([{ code: 'ERR_AFTERGLOW_MISSING_PACKAGE', message }])
  })

  test('a file that is not there is refused at registration, a missing export fails the attempt', async () => {
    const file = expect.stringMatching(/there is no file .*nowhere\.js \(nor \.ts in place of \.js\)/)
    expect(await run('no such file')).toMatchObject([{ name: 'ThreadModuleError', message: file }])
    const name = expect.stringMatching(/exports no function 'nothing'; it exports .*spin/)
    expect(await run('no such export')).toMatchObject([
      { outcome: 'failed', error: { name: 'ThreadModuleError', message: name } },
    ])
  })
})

describe('telemetry on a thread', () => {
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await new Receiver().listen()
  })
  afterAll(() => receiver[Symbol.asyncDispose]())

  async function trace(preload: string) {
    receiver.spans.length = receiver.logs.length = receiver.points.length = 0
    const app = new Started(['--import', preload, 'test/support/thread-otel-app.ts'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    })
    const { code, stdout } = await app.ends()
    expect(code).toBe(0)
    const outcomes = stdout.split('\n').filter((line) => line.startsWith('{"outcome"'))
    const values = outcomes.map((line) => (JSON.parse(line) as { outcome: { value: Traced } }).outcome.value)
    return { values, spans: receiver.spans }
  }
  interface Traced {
    readonly active: { readonly traceId: string; readonly spanId: string }
    readonly outer: string
    readonly inner: string
    readonly baggage: string
  }

  test.each([
    ['koa-afterglow/otel', 'shipped to the one SDK there is'],
    ['./test/support/thread-own-sdk.mjs', 'exported by the SDK of the thread'],
  ])('with %s, its context is the attempt’s and its spans, with their ids, are %s', async (preload) => {
    const { values, spans } = await trace(preload)
    expect(values).toHaveLength(2)
    const attempts = spans.filter(({ name }) => name === 'run traced')
    expect(new Set(attempts.map(({ spanId }) => spanId))).toEqual(new Set(values.map(({ active }) => active.spanId)))
    for (const { active, outer, inner, baggage } of values) {
      expect(baggage).toBe('acme')
      const { traceId } = active
      expect(spans.filter(({ spanId }) => spanId === outer)).toMatchObject([
        { name: 'outer', traceId, parentSpanId: active.spanId, attributes: { a: 1 } },
      ])
      expect(spans.filter(({ spanId }) => spanId === inner)).toMatchObject([
        { name: 'inner', traceId, parentSpanId: outer, status: { code: 2, message: 'bad' } },
      ])
    }
  })

  test('with koa-afterglow/otel, threads start no SDK and log lines are in the span they were written in', async () => {
    const { values } = await trace('koa-afterglow/otel')
    const instances = [...receiver.spans, ...receiver.logs].map((one) => ('resource' in one ? one.resource : {}))
    expect(new Set(instances.flatMap((resource) => resource['service.instance.id'] ?? [])).size).toBe(1)
    const settled = receiver.points.filter(
      ({ metric, attributes }) =>
        metric === 'afterglow.task.settled' && attributes['afterglow.task.outcome'] === 'completed',
    )
    expect(settled.map(({ value }) => value)).toEqual([2])
    const lines = receiver.logs.filter(({ body }) => body === 'in outer')
    expect(new Set(lines.map(({ spanId }) => spanId))).toEqual(new Set(values.map(({ outer }) => outer)))
    expect(lines).toHaveLength(2)
  })
})

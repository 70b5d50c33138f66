import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import { createTasks, type Logger } from 'koa-afterglow'
import { everyOutcome } from '../support/every-outcome.ts'
import { manualTasks, thrownBy } from '../support/runner.ts'
import { remembering, SDKS } from '../support/telemetry.ts'

const fail = () => {
  throw new TypeError('boom')
}

describe('any logger', () => {
  test('a pino with levels of its own, and no others, gets each line at the nearest one', async () => {
    const { lines, logger } = remembering({
      customLevels: { chatty: 25, notice: 35, alarm: 60 },
      useOnlyCustomLevels: true,
      level: 'chatty',
    })
    const { tasks, clock, seen } = manualTasks({ logger: logger as unknown as Logger })
    tasks.add('fine', () => 1)
    tasks.add('bad', fail)
    await clock.settle()
    expect(lines).toMatchObject([
      { level: 35, 'afterglow.task.outcome': 'completed' },
      { level: 60, 'afterglow.task.outcome': 'failed' },
    ])
    expect(seen.events).toEqual([])
  })

  test('a level that pino has switched off is not written, also where it stands in for another', async () => {
    const { lines, logger } = remembering({
      customLevels: { quiet: 35, alarm: 60 },
      useOnlyCustomLevels: true,
      level: 'alarm',
    })
    const { tasks, clock } = manualTasks({ logger: logger as unknown as Logger })
    tasks.add('fine', () => 1)
    tasks.add('bad', fail)
    await clock.settle()
    expect(lines).toMatchObject([{ level: 60 }])
  })

  test('bindings, a mixin and formatters of pino are kept, and no key is written twice', async () => {
    await using _sdk = SDKS['SDK 3']()
    const raw: string[] = []
    const { logger } = remembering({
      mixin: () => ({ trace_id: trace.getSpanContext(context.active())?.traceId, mixed: true }),
      formatters: { level: (label) => ({ severity: label }), bindings: (bound) => ({ ...bound, formatted: true }) },
      hooks: {
        streamWrite: (line) => {
          raw.push(line)
          return line
        },
      },
    })
    const { tasks, clock } = manualTasks({ logger: logger.child({ app: 'shop' }) })
    tasks.add('mail', () => 1)
    await clock.settle()
    expect(raw).toHaveLength(1)
    expect(JSON.parse(raw[0] ?? '')).toMatchObject({ app: 'shop', mixed: true, severity: 'info' })
    for (const key of ['trace_id', 'span_id', 'otel.event.name', 'afterglow.task.name'])
      expect(raw[0]?.split(`"${key}":`)).toHaveLength(2)
  })

  test('like console, without child or isLevelEnabled, gets fields and message', async () => {
    const said: unknown[][] = []
    const say =
      (level: string) =>
      (...args: readonly unknown[]) =>
        void said.push([level, ...args])
    const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
    const { tasks, clock } = manualTasks({ logger })
    tasks.add('mail', ({ log }) => log.info('sending'))
    tasks.add('bad', fail)
    await clock.settle()
    expect(said).toMatchObject([
      ['info', { 'afterglow.task.name': 'mail' }, 'sending'],
      [
        'info',
        { 'afterglow.task.outcome': 'completed', 'otel.event.name': 'afterglow.task.completed' },
        'task completed',
      ],
      ['error', { 'afterglow.task.outcome': 'failed', 'error.type': 'TypeError' }, 'task failed'],
    ])
  })

  test('none at all: everything happens as with one', async () => {
    await using sdk = SDKS['SDK 3']()
    await everyOutcome('no', { logger: false })
    expect(sdk.spans().length).toBeGreaterThan(10)
  })

  test('one that cannot say what matters is refused at once', () => {
    const logger = { debug: () => 0, info: () => 0, warn: () => 0 } as unknown as Logger
    expect(thrownBy(() => createTasks({ logger }))).toMatchObject({
      code: 'ERR_AFTERGLOW_INVALID_OPTION',
      message: expect.stringContaining('`logger` to have a method `error`'),
    })
  })
})

describe('the ids in a line', () => {
  test('are said to be of a trace that is not kept, where a sampler dropped it', async () => {
    await using _sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    for (const traceFlags of [TraceFlags.NONE, TraceFlags.SAMPLED]) {
      const parent = { traceId, spanId: 'b7ad6b7169203331', traceFlags, isRemote: true }
      context.with(trace.setSpanContext(ROOT_CONTEXT, parent), () => {
        tasks.add('runs', () => 1)
        tasks.add('never runs', () => 1, { delayMs: 1, override: { relation: 'child' } }).cancel()
      })
      await clock.settle()
    }
    expect(lines).toHaveLength(4)
    expect(lines).toEqual(lines.map(() => expect.objectContaining({ trace_id: traceId, span_id: expect.any(String) })))
    expect(lines.map((line) => line['afterglow.trace.sampled'])).toEqual([false, false, undefined, undefined])
  })

  test('of a task that never ran are those of its span, and a mixin finds the same', async () => {
    await using sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering({ mixin: () => ({ mixed: trace.getSpanContext(context.active())?.spanId }) })
    const { tasks, clock } = manualTasks({ logger })
    tasks.add('skipped', () => 1, { after: [tasks.add('bad', fail)] })
    await clock.settle()
    const spanId = sdk
      .spans()
      .find(({ name }) => name === 'run skipped')
      ?.spanContext().spanId
    expect(lines.at(-1)).toMatchObject({ 'afterglow.task.outcome': 'skipped', span_id: spanId, mixed: spanId })
  })

  test('of what is told beside its end are those of its attempt', async () => {
    await using sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering()
    await everyOutcome('no', { logger })
    const idOf = (name: string) =>
      sdk
        .spans()
        .find((span) => span.name === `run ${name}`)
        ?.spanContext().spanId
    const told = (event: string) => lines.find((line) => line['otel.event.name'] === event)
    expect(told('afterglow.task.stuck')).toMatchObject({ span_id: idOf('deaf') })
    expect(told('afterglow.task.blocked')).toMatchObject({ span_id: idOf('blocks') })
    expect(told('afterglow.task.stray_error')).toMatchObject({ span_id: idOf('strays') })
  })

  test('are in no line where there is no SDK', async () => {
    const { lines, logger } = remembering()
    await everyOutcome('no', { logger })
    expect(lines.length).toBeGreaterThan(20)
    expect(lines.filter((line) => 'trace_id' in line)).toEqual([])
  })
})

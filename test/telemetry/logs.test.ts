import { describe, expect, jest, test } from '@jest/globals'
import { defineTask } from 'koa-afterglow'
import { durableTasks } from '../support/durable.ts'
import { manualTasks } from '../support/runner.ts'
import { activeSpanOf, remembering, SDKS } from '../support/telemetry.ts'

const fail = () => {
  throw new TypeError('boom')
}

describe('logs', () => {
  test('one line per outcome, with the ids of the attempt and of its span, before the span has ended', async () => {
    await using sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const { id } = tasks.add('mail', () => 1)
    await clock.settle()
    const [span] = sdk.spans()
    expect(lines).toEqual([
      {
        level: 30,
        msg: 'task completed',
        'otel.event.name': 'afterglow.task.completed',
        'afterglow.task.name': 'mail',
        'afterglow.task.id': id,
        'afterglow.task.attempt': 1,
        'afterglow.task.outcome': 'completed',
        'afterglow.task.run_time': expect.any(Number),
        'afterglow.task.wait_time': expect.any(Number),
        'afterglow.engine': 'in_process',
        trace_id: span?.spanContext().traceId,
        span_id: span?.spanContext().spanId,
      },
    ])
  })

  test('WARN while another attempt follows, ERROR when it was the last, with the same error.type as the span', async () => {
    await using sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    tasks.add(defineTask({ name: 'mail', retry: { attempts: 2, baseDelayMs: 1 }, run: fail }))
    await clock.advance(10)
    expect(lines).toMatchObject([
      { level: 40, 'afterglow.task.outcome': 'retried', 'afterglow.task.retry.delay': expect.any(Number) },
      { level: 50, 'afterglow.task.outcome': 'failed', 'exception.message': 'boom' },
    ])
    expect(lines.map((line) => line['error.type'])).toEqual(
      sdk.spans().map(({ attributes }) => attributes['error.type']),
    )
    expect(String(lines[0]?.['exception.stacktrace'])).toContain('logs.test.ts')
    expect(lines[0]?.['afterglow.error.fingerprint']).toBe(lines[1]?.['afterglow.error.fingerprint'])
  })

  test.each([
    ['discarded', 30, 'afterglow.task.discarded'],
    ['cancelled', 30, 'afterglow.task.cancelled'],
    ['skipped', 40, 'afterglow.task.skipped'],
    ['dropped', 50, 'afterglow.task.dropped'],
    ['interrupted', 50, 'afterglow.task.interrupted'],
  ])('%s has its own event and level %d', async (outcome, level, event) => {
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const ends: Record<string, () => unknown> = {
      discarded: () => tasks.add('discarded', (task) => task.discard('no')),
      cancelled: () => tasks.add('cancelled', () => 1, { delayMs: 5 }).cancel('no'),
      skipped: () => tasks.add('skipped', () => 1, { after: [tasks.add('bad', fail)] }),
      dropped: () => tasks.add('dropped', () => 1, { expiresMs: 0 }),
      interrupted: () => (tasks.add('interrupted', () => 1, { delayMs: 5_000 }), tasks.close({ deadlineMs: 10 })),
    }
    ends[outcome]?.()
    await clock.advance(100)
    const line = lines.filter((one) => one['afterglow.task.name'] === outcome)
    expect(line).toMatchObject([{ level, 'otel.event.name': event, 'afterglow.task.outcome': outcome }])
  })

  test("a line of the handler's own log carries the task, and a mixin sees the attempt's span", async () => {
    await using _sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering({ mixin: () => ({ mixin_span: activeSpanOf()?.spanId }) })
    const { tasks, clock } = manualTasks({ logger })
    tasks.add('mail', ({ log }) => log.info({ to: 'ada' }, 'sending'))
    await clock.settle()
    expect(lines[0]).toMatchObject({
      msg: 'sending',
      to: 'ada',
      'afterglow.task.name': 'mail',
      'afterglow.task.attempt': 1,
    })
    expect(lines[1]).toMatchObject({ mixin_span: lines[1]?.['span_id'] })
    expect(lines[0]?.['mixin_span']).toBe(lines[1]?.['span_id'])
  })

  test("the mixin sees the attempt's span also when the task was let go by its deadline", async () => {
    await using _sdk = SDKS['SDK 3']()
    const { lines, logger } = remembering({ mixin: () => ({ mixin_span: activeSpanOf()?.spanId }) })
    const { tasks, clock } = manualTasks({ logger, limits: { graceMs: 10 } })
    tasks.add('deaf', () => new Promise(() => {}), { override: { timeoutMs: 10 } })
    await clock.advance(100)
    const line = lines.find((one) => one['afterglow.task.outcome'] === 'timed_out')
    expect(line?.['span_id']).toEqual(expect.any(String))
    expect(line?.['mixin_span']).toBe(line?.['span_id'])
  })

  test('the input is in no line', async () => {
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const secret = defineTask({ name: 'secret', run: (_: { password: string }) => fail() })
    tasks.add(secret, { password: 'hunter2' })
    await clock.settle()
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })

  test('a task that runs on two engines says in each line on which', async () => {
    const { lines, logger } = remembering()
    const { tasks, clock } = durableTasks({ logger })
    const mail = defineTask({ name: 'mail', run: () => 1 })
    for (const engine of ['default', 'durable', 'default']) {
      const { settled } = tasks.add(mail, undefined, { override: { engine } })
      await clock.settle()
      await settled
    }
    await clock.settle()
    const attempts = lines.filter((line) => line['afterglow.task.outcome'] === 'completed')
    expect(attempts.map((line) => line['afterglow.engine'])).toEqual(['in_process', 'memory', 'in_process'])
  })

  test('a rejected task is one WARN line', () => {
    const { lines, logger } = remembering()
    const { tasks } = manualTasks({ logger, limits: { maxPending: 1 } })
    tasks.add('first', () => 1)
    expect(() => tasks.add('second', () => 1)).toThrow('limits.maxPending')
    expect(lines).toMatchObject([
      { level: 40, 'otel.event.name': 'afterglow.task.rejected', 'afterglow.task.name': 'second' },
    ])
  })

  test('a logger that throws takes nothing down', async () => {
    const throws = () => {
      throw new Error('disk full')
    }
    const { tasks, clock, seen } = manualTasks({ logger: { debug: throws, info: throws, warn: throws, error: throws } })
    const handle = tasks.add('mail', () => 1)
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'completed' })
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', error: { message: 'disk full' } }])
    expect(warnings).toHaveBeenCalledWith("koa-afterglow: observer 'logs' event failed: disk full")
  })
})

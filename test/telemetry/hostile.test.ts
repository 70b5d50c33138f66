import { describe, expect, test } from '@jest/globals'
import { defineTask, type TaskHandle } from 'koa-afterglow'
import { manualTasks, missing, thrownBy } from '../support/runner.ts'
import { revokedProxy, TEN_MB, THROWN, throwingError, unsteadyError } from '../support/hostile.ts'
import { remembering, SDKS } from '../support/telemetry.ts'

/** A log line, or all attributes of a span, whatever was thrown: message, stack and what is said of the task. */
const MAX_BYTES = 24 * 1024
const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/

/** A runner whose every record is kept, with a task that fails, one that is retried, and one behind middleware. */
async function recorded(run: (add: ReturnType<typeof manualTasks>['tasks']['add']) => readonly TaskHandle[]) {
  const sdk = SDKS['SDK 3']()
  const { lines, logger } = remembering()
  const { tasks, clock, seen } = manualTasks({ logger })
  const handles = run(tasks.add)
  await clock.advance(120_000)
  const outcomes = await Promise.all(handles.map((handle) => handle.settled))
  const points = await sdk.points()
  const spans = sdk.spans()
  await tasks.close()
  await sdk[Symbol.asyncDispose]()
  return {
    lines,
    spans,
    points,
    outcomes,
    tasks,
    failures: seen.events.filter(({ type }) => type === 'failure_of_our_own'),
  }
}

type Recorded = Awaited<ReturnType<typeof recorded>>

function expectBounded({ lines, spans, points }: Recorded): void {
  for (const line of lines) {
    expect(bytes(line)).toBeLessThanOrEqual(MAX_BYTES)
    for (const value of Object.values(line)) if (typeof value === 'string') expect(value).not.toMatch(CONTROL)
  }
  for (const { name, attributes, status, events } of spans) {
    expect(bytes({ name, attributes, status, events: events.map((event) => event.attributes) })).toBeLessThanOrEqual(
      MAX_BYTES,
    )
  }
  for (const { attributes } of points) expect(bytes(attributes)).toBeLessThanOrEqual(1_024)
}

describe('whatever is thrown becomes a clean record of bounded size', () => {
  test.each(Object.entries(THROWN))('%s', async (_, make) => {
    const thrown = make()
    const seen = await recorded((add) => [
      add('throws', () => {
        throw thrown
      }),
      add('rejects', () => Promise.reject(thrown as Error)),
      add('tries again', () => Promise.reject(thrown as Error), { override: { retry: { attempts: 2 } } }),
    ])
    expect(seen.outcomes).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }, { outcome: 'failed' }])
    expect(seen.failures).toEqual([])
    expect(missing(seen.tasks)).toBe(0)
    // One line and one span per attempt, each with a type, a message and a stack.
    const attempts = seen.lines.filter((line) => line['otel.event.name'] === 'afterglow.task.run.exception')
    expect(attempts).toHaveLength(4)
    for (const line of attempts)
      expect(line).toMatchObject({
        'error.type': expect.stringMatching(/./),
        'exception.message': expect.any(String),
        'exception.stacktrace': expect.stringMatching(/./),
      })
    const runs = seen.spans.filter(({ name }) => name !== 'drain')
    expect(runs.map(({ status }) => status.code)).toEqual([2, 2, 2, 2])
    expectBounded(seen)
  })
})

describe('texts that come from elsewhere are bounded and carry no control characters', () => {
  const long = `\u001b[31m${'x'.repeat(TEN_MB)}`

  test('the reason of a cancellation, a discard', async () => {
    const seen = await recorded((add) => {
      const cancelled = add('cancelled', () => 1)
      cancelled.cancel(long)
      return [cancelled, add('discarded', (task) => task.discard(long))]
    })
    expect(seen.outcomes).toMatchObject([{ outcome: 'cancelled' }, { outcome: 'discarded' }])
    expectBounded(seen)
  })

  test.each([
    ['undefined', undefined],
    ['a symbol', Symbol('s')],
    ['an object', { toString: null }],
    ['a proxy', revokedProxy()],
  ])('a reason that is %s is said to be none', async (_, reason) => {
    const seen = await recorded((add) => {
      const cancelled = add(
        'cancelled',
        (task) =>
          new Promise((_resolve, reject) =>
            task.signal.addEventListener('abort', () => reject(task.signal.reason as Error)),
          ),
      )
      cancelled.cancel(reason as never)
      return [cancelled, add('discarded', (task) => task.discard(reason as never))]
    })
    expect(seen.outcomes).toMatchObject([
      { outcome: 'cancelled', reason: expect.any(String) },
      { outcome: 'discarded', reason: expect.any(String) },
    ])
    expect(seen.failures).toEqual([])
    expectBounded(seen)
  })

  test('what a schema throws', async () => {
    const seen = await recorded((add) => {
      for (const [index, thrown] of [new Error(long), throwingError('message', 'name')].entries()) {
        const validate = () => {
          throw thrown
        }
        const task = defineTask({
          name: `checked-${index}`,
          schema: { '~standard': { version: 1, vendor: 'test', validate } },
          run: () => 1,
        })
        expect(thrownBy(() => add(task, 'x'))).toBe(thrown)
      }
      return []
    })
    expect(seen.lines.filter((line) => line['otel.event.name'] === 'afterglow.task.rejected')).toHaveLength(2)
    expectBounded(seen)
  })

  test('what an observer throws', async () => {
    const warnings: string[] = []
    const warned = (warning: Error) => void warnings.push(warning.message)
    process.on('warning', warned)
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    const thrown = [new Error(long), throwingError('message', 'stack', 'name')]
    for (const error of thrown)
      tasks.observe({
        name: 'hostile',
        submitted: () => {
          throw error
        },
        event: () => {
          throw error
        },
      })
    const handle = tasks.add('bystander', () => 1)
    await clock.settle()
    await new Promise((resolve) => setImmediate(resolve))
    process.removeListener('warning', warned)
    expect(await handle.settled).toMatchObject({ outcome: 'completed' })
    expect(lines.filter((line) => line['otel.event.name'] === 'afterglow.failure')).toHaveLength(2)
    expectBounded({ lines, spans: [], points: [] } as unknown as Recorded)
    for (const warning of warnings) expect(warning.length).toBeLessThan(2_048)
  })
})

test('an error whose name is another at each read makes no more series than others', async () => {
  const seen = await recorded((add) =>
    Array.from({ length: 40 }, () =>
      add('unsteady', () => {
        throw unsteadyError()
      }),
    ),
  )
  const series = seen.points.filter(
    ({ name, attributes }) =>
      name === 'afterglow.task.run.duration' && attributes['afterglow.task.name'] === 'unsteady',
  )
  expect(series.length).toBeLessThanOrEqual(11)
})

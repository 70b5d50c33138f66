import { describe, expect, test } from '@jest/globals'
import { defineTask, errorHandler, type TaskContext } from 'koa-afterglow'
import { gate, manualTasks, missing } from '../support/runner.ts'
import { remembering } from '../support/telemetry.ts'

const throwing = () => {
  throw new Error('a getter threw')
}
const never = () => new Promise<never>(() => {})

describe('isolation', () => {
  test('tasks start in the order they were added and run concurrently', async () => {
    const { tasks, clock } = manualTasks()
    const order: string[] = []
    const work = gate()
    for (const name of ['a', 'b', 'c'])
      tasks.add(name, async () => {
        order.push(`${name} starts`)
        await work.promise
        order.push(`${name} ends`)
      })
    await clock.settle()
    expect(order).toEqual(['a starts', 'b starts', 'c starts'])
    work.resolve()
    await clock.settle()
    expect(order.slice(3)).toEqual(['a ends', 'b ends', 'c ends'])
  })

  test.each([
    ['an Error', new Error('boom')],
    ['a string', 'boom'],
    ['undefined', undefined],
    ['a frozen object', Object.freeze({ message: 'boom' })],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: throwing })],
  ])('a task that throws %s fails alone, and what was thrown is not changed', async (_, thrown) => {
    const { tasks, clock, seen } = manualTasks()
    const bad = tasks.add('bad', () => {
      throw thrown
    })
    const good = tasks.add('good', async () => 'fine')
    await clock.settle()
    const outcome = await bad.settled
    expect(outcome.outcome).toBe('failed')
    const error = 'error' in outcome ? outcome.error : undefined
    expect([error, error?.cause]).toContain(thrown)
    expect(await good.settled).toMatchObject({ value: 'fine' })
    expect(seen.outcomes.map(({ name, outcome: { outcome: how } }) => `${name} ${how}`)).toEqual([
      'bad failed',
      'good completed',
    ])
    expect(missing(tasks)).toBe(0)
  })

  test('never more than `concurrency` run, and a task that ends makes room', async () => {
    const { tasks, clock } = manualTasks({ concurrency: 2 })
    const work = [gate(), gate(), gate()]
    const started: number[] = []
    work.forEach((one, n) =>
      tasks.add('slot', async () => {
        started.push(n)
        await one.promise
      }),
    )
    await clock.settle()
    expect(started).toEqual([0, 1])
    expect(tasks.stats().inFlight).toMatchObject({ running: 2, queued: 1 })
    work[1]?.resolve()
    await clock.settle()
    expect(started).toEqual([0, 1, 2])
  })

  test('a thenable that is no promise is awaited', async () => {
    const { tasks, clock } = manualTasks()
    // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
    const query = { then: (resolve: (rows: number) => void) => void setImmediate(() => resolve(3)) }
    const handle = tasks.add('query', () => query as unknown as PromiseLike<number>)
    await clock.settle()
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 3 })
  })
})

describe('retry', () => {
  const flaky = (attempts: number, failures: number) => {
    const runs: number[] = []
    const task = defineTask({
      name: 'flaky',
      retry: { attempts, backoff: 'fixed', baseDelayMs: 100 },
      run: (_, { attempt }) => {
        runs.push(attempt)
        if (attempt <= failures) throw new Error(`failure ${attempt}`)
        return attempt
      },
    })
    return { runs, task }
  }

  test('without a policy a task runs once', async () => {
    const { tasks, clock, seen } = manualTasks()
    tasks.add('once', () => {
      throw new Error('no')
    })
    await clock.advance(1_000_000)
    expect(seen.attempts).toHaveLength(1)
  })

  test('comes after the delay, never before, and ends with the success', async () => {
    const { tasks, clock } = manualTasks()
    const { runs, task } = flaky(3, 2)
    const handle = tasks.add(task)
    await clock.settle()
    expect(runs).toEqual([1])
    expect(tasks.stats().inFlight).toMatchObject({ backoff: 1 })
    await clock.advance(99)
    expect(runs).toEqual([1])
    await clock.advance(1)
    expect(runs).toEqual([1, 2])
    await clock.advance(100)
    expect(await handle.settled).toEqual({ outcome: 'completed', value: 3, attempts: 3 })
    expect(missing(tasks)).toBe(0)
  })

  test('ends as failed once the attempts are used up', async () => {
    const { tasks, clock, seen } = manualTasks()
    const { task } = flaky(2, 9)
    const handle = tasks.add(task)
    await clock.advance(1_000)
    expect(await handle.settled).toMatchObject({ outcome: 'failed', attempts: 2, error: { message: 'failure 2' } })
    expect(seen.attempts.map(({ outcome }) => outcome.outcome)).toEqual(['retried', 'failed'])
    expect(seen.outcomes).toHaveLength(1)
  })

  test('task.retry and task.discard decide from within, also through errorHandler', async () => {
    const { tasks, clock } = manualTasks()
    tasks.use(
      errorHandler({
        classify: (error, { attempt }) => {
          if (!(error instanceof RangeError)) return undefined
          return attempt < 2 ? { retry: { afterMs: 5 } } : { discard: 'gave up' }
        },
      }),
    )
    const override = { retry: { attempts: 3 } }
    const snooze = (task: TaskContext<void>) => {
      if (task.attempt === 1) task.retry({ afterMs: 50 })
    }
    const refuse = () => {
      throw new RangeError('no')
    }
    const snoozed = tasks.add('snooze', snooze, { override })
    const classified = tasks.add('classified', refuse, { override })
    await clock.advance(100)
    expect(await snoozed.settled).toMatchObject({ outcome: 'completed', attempts: 2 })
    expect(await classified.settled).toMatchObject({ outcome: 'discarded', reason: 'gave up', attempts: 2 })
  })
})

describe('timeout', () => {
  const deaf = defineTask({ name: 'deaf', timeoutMs: 100, run: () => never() })

  test('aborts the signal with a TimeoutError, and the task ends as timed_out', async () => {
    const { tasks, clock } = manualTasks()
    let reason: unknown
    const handle = tasks.add(
      'polite',
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(new Error('stopped by its signal'))
          })
        }),
      { override: { timeoutMs: 100 } },
    )
    await clock.advance(99)
    expect(reason).toBeUndefined()
    await clock.advance(1)
    expect(reason).toMatchObject({ name: 'TimeoutError', code: 'ERR_AFTERGLOW_TIMEOUT' })
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out', error: { message: 'stopped by its signal' } })
  })

  test('a signal first read after the deadline is already aborted', async () => {
    const { tasks, clock } = manualTasks()
    const past = gate()
    let aborted: boolean | undefined
    tasks.add(
      'late-reader',
      async (task) => {
        await past.promise
        aborted = task.signal.aborted
      },
      { override: { timeoutMs: 100 } },
    )
    await clock.advance(100)
    past.resolve()
    await clock.settle()
    expect(aborted).toBe(true)
  })

  test('a task that ignores its signal is stuck after the grace, reported, and its slot is free', async () => {
    const { tasks, clock, seen } = manualTasks({ concurrency: 1, limits: { graceMs: 50 } })
    const handle = tasks.add(deaf)
    const next = tasks.add('next', () => 'ran')
    await clock.advance(149)
    expect(tasks.stats().inFlight).toMatchObject({ running: 1, queued: 1 })
    await clock.advance(1)
    expect(seen.events).toMatchObject([{ type: 'stuck', record: { name: 'deaf' }, afterMs: 150 }])
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out' })
    expect(await next.settled).toMatchObject({ value: 'ran' })
  })

  test.each([
    ['an error', () => new Error('too late'), 'too late'],
    ['something that is no error', () => 'too late', expect.stringContaining('a string was thrown')],
  ])('what an attempt throws once it was let go is reported: %s', async (_, make, message) => {
    const { lines, logger } = remembering()
    const { tasks, clock, seen } = manualTasks({ logger, limits: { graceMs: 10 } })
    const work = gate()
    const handle = tasks.add('deaf', () => work.promise, { override: { timeoutMs: 10 } })
    await clock.advance(20)
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out' })
    work.reject(make())
    await clock.settle()
    expect(seen.events).toMatchObject([{ type: 'stuck' }, { type: 'late_completion', error: { message } }])
    expect(lines.at(-1)).toMatchObject({
      'otel.event.name': 'afterglow.task.late_completion',
      'afterglow.task.id': handle.id,
      'exception.message': message,
      msg: 'task failed after it was let go; nothing changes',
    })
    expect(tasks.stats().outcomes).toMatchObject({ timed_out: 1, failed: 0 })
  })

  test('an attempt that only obeys its signal too late has no error to report', async () => {
    const { tasks, clock, seen } = manualTasks({ limits: { graceMs: 10 } })
    const late = gate()
    tasks.add('slow', async ({ signal }) => (await late.promise, signal.throwIfAborted()), {
      override: { timeoutMs: 10 },
    })
    await clock.advance(20)
    late.resolve()
    await clock.settle()
    expect(seen.events.map(({ type }) => type)).toEqual(['stuck', 'late_completion'])
    expect(seen.events[1]).not.toHaveProperty('error')
  })

  test('a late completion is reported and changes nothing', async () => {
    const { tasks, clock, seen } = manualTasks({ limits: { graceMs: 50 } })
    const work = gate<string>()
    const handle = tasks.add('slow', () => work.promise, { override: { timeoutMs: 100 } })
    await clock.advance(200)
    work.resolve('too late')
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out' })
    expect(seen.events.map(({ type }) => type)).toEqual(['stuck', 'late_completion'])
    expect(seen.outcomes).toHaveLength(1)
    expect(missing(tasks)).toBe(0)
  })

  test('work that is done within the grace counts as done', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate<string>()
    const handle = tasks.add('just', () => work.promise, { override: { timeoutMs: 100 } })
    await clock.advance(101)
    work.resolve('done')
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 'done' })
  })

  test('a middleware that hangs times out too', async () => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 50 } })
    tasks.use(never)
    const handle = tasks.add('behind', () => 1, { override: { timeoutMs: 100 } })
    await clock.advance(150)
    expect(await handle.settled).toMatchObject({ outcome: 'timed_out' })
  })
})

describe('cancel', () => {
  test('takes a waiting task back without running it', async () => {
    const { tasks, clock, seen } = manualTasks()
    const handle = tasks.add('delayed', () => 1, { delayMs: 1_000 })
    expect(await tasks.cancel(handle.id, 'not needed')).toBe(true)
    await clock.advance(2_000)
    expect(await handle.settled).toEqual({ outcome: 'cancelled', reason: 'not needed', attempts: 0 })
    expect(seen.attempts).toEqual([])
    expect(await tasks.cancel(handle.id)).toBe(false)
    expect(missing(tasks)).toBe(0)
  })

  test('aborts the signal of a running one', async () => {
    const { tasks, clock } = manualTasks()
    const handle = tasks.add('running', async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      signal.throwIfAborted()
    })
    await clock.settle()
    handle.cancel('enough')
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'cancelled', reason: 'enough' })
  })

  test('ends a task that waits for its next attempt', async () => {
    const { tasks, clock, seen } = manualTasks()
    const handle = tasks.add('again', (task) => task.retry({ afterMs: 1_000, beyondAttempts: true }))
    await clock.settle()
    handle.cancel()
    await clock.advance(5_000)
    expect(await handle.settled).toMatchObject({ outcome: 'cancelled', attempts: 1 })
    expect(seen.attempts).toHaveLength(1)
  })
})

describe('delay and expiry', () => {
  test('a delayed task starts when its time has come', async () => {
    const { tasks, clock } = manualTasks()
    const handle = tasks.add('later', ({ waitMs }) => waitMs, { delayMs: 500 })
    await clock.advance(499)
    expect(tasks.stats().inFlight).toMatchObject({ delayed: 1 })
    await clock.advance(1)
    expect(await handle.settled).toMatchObject({ outcome: 'completed', value: 0 })
  })

  test('a task that could not start in time is dropped, not run', async () => {
    const { tasks, clock, seen } = manualTasks({ concurrency: 1 })
    const work = gate()
    tasks.add('long', () => work.promise)
    const handle = tasks.add('stale', () => 1, { expiresMs: 100 })
    await clock.advance(100)
    work.resolve()
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'dropped', reason: 'expired after 100 ms' })
    expect(seen.attempts.map(({ name }) => name)).toEqual(['long'])
    expect(missing(tasks)).toBe(0)
  })
})

describe('what a task sees', () => {
  test('state is shared by the middleware of one attempt and new in the next', async () => {
    const { tasks, clock } = manualTasks()
    const states: unknown[] = []
    tasks.use(async (task, next) => {
      states.push({ ...task.state })
      task.state['seen'] = task.attempt
      await next()
    })
    tasks.add('stateful', (task: TaskContext<void>) => {
      states.push({ ...task.state })
      if (task.attempt === 1) task.retry({ afterMs: 1, beyondAttempts: true })
    })
    await clock.advance(10)
    expect(states).toEqual([{}, { seen: 1 }, {}, { seen: 2 }])
  })

  test('reading services without a container fails the attempt with what to do', async () => {
    const { tasks, clock } = manualTasks()
    const handle = tasks.add('needs', (task) => task.services)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed', error: { code: 'ERR_AFTERGLOW_SERVICES' } })
  })
})

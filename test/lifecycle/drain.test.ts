import { describe, expect, test } from '@jest/globals'
import { gate, manualTasks, missing, thrownBy } from '../support/runner.ts'
import { createTasks } from 'koa-afterglow'

describe('close', () => {
  test('waits for what was accepted, retries in backoff and delayed tasks included', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    tasks.add('running', () => work.promise)
    tasks.add('delayed', () => 1, { delayMs: 500 })
    tasks.add('again', (task) => {
      if (task.attempt === 1) task.retry({ afterMs: 800, beyondAttempts: true })
    })
    await clock.settle()
    let closed = false
    const closing = tasks.close().then((report) => {
      closed = true
      return report
    })
    await clock.advance(800)
    expect(closed).toBe(false)
    work.resolve()
    await clock.settle()
    expect(await closing).toMatchObject({ settled: 3, interrupted: [] })
  })

  test('gives up at once what is due only after it, and waits for what is due before', async () => {
    const { tasks, clock } = manualTasks({ limits: { graceMs: 100 } })
    const tomorrow = tasks.add('tomorrow', () => 1, { delayMs: 86_400_000 })
    tasks.add('soon', () => 1, { delayMs: 300 })
    tasks.add(
      'again',
      () => {
        throw new Error('no')
      },
      { override: { retry: { attempts: 2, baseDelayMs: 86_400_000, maxDelayMs: 86_400_000 } }, delayMs: 200 },
    )
    await clock.settle()
    const closing = tasks.close({ deadlineMs: 1_000 })
    expect(await tomorrow.settled).toMatchObject({ outcome: 'interrupted', reason: 'it was due only after the drain' })
    await clock.advance(300)
    const report = await closing
    expect(report.interrupted.map(({ name }) => name)).toEqual(['tomorrow', 'again'])
    expect(report).toMatchObject({ settled: 1, outcomes: { completed: 1, interrupted: 2 }, durationMs: 300 })
    expect(missing(tasks)).toBe(0)
  })

  test('refused for what it was told, it drains nothing, and the next call does', async () => {
    const { tasks, clock } = manualTasks()
    await expect(tasks.close({ deadlineMs: -1 })).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_INVALID_OPTION' })
    tasks.add('taken', () => 1)
    const closing = tasks.close()
    await clock.settle()
    expect(await closing).toMatchObject({ settled: 1 })
  })

  test('refuses adds from outside, and takes those of tasks that still run', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    let child: string | undefined
    tasks.add('parent', async (task) => {
      await work.promise
      child = (await task.add('child', () => 1).settled).outcome
    })
    await clock.settle()
    const closing = tasks.close()
    expect(thrownBy(() => tasks.add('stranger', () => 1))).toMatchObject({ code: 'ERR_AFTERGLOW_CLOSED', status: 503 })
    work.resolve()
    await clock.settle()
    await closing
    expect(child).toBe('completed')
    expect(missing(tasks)).toBe(0)
  })

  test('refuses what a task that has ended left behind', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    let leftBehind: (() => unknown) | undefined
    tasks.add('ended', ({ add }) => {
      leftBehind = () => add('straggler', () => 1)
    })
    tasks.add('running', () => work.promise)
    await clock.settle()
    const closing = tasks.close()
    expect(thrownBy(() => leftBehind?.())).toMatchObject({ code: 'ERR_AFTERGLOW_CLOSED' })
    work.resolve()
    await clock.settle()
    await closing
  })

  test('aborts what runs a grace before the deadline, and reports by name what did not end', async () => {
    const { tasks, clock } = manualTasks({ concurrency: 2, limits: { graceMs: 100 } })
    const reasons: unknown[] = []
    tasks.add('deaf', () => new Promise(() => {}), { override: { timeoutMs: 60_000 } })
    tasks.add('polite', async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reasons.push(signal.reason)
      throw signal.reason
    })
    tasks.add('never started', () => 1)
    await clock.settle()
    const closing = tasks.close({ deadlineMs: 1_000 })
    await clock.advance(899)
    expect(reasons).toEqual([])
    await clock.advance(1)
    expect(reasons).toMatchObject([{ code: 'ERR_AFTERGLOW_INTERRUPTED' }])
    await clock.advance(100)
    const report = await closing
    expect(report.interrupted.map(({ name }) => name).toSorted()).toEqual(['deaf', 'never started', 'polite'])
    expect(missing(tasks)).toBe(0)
  })

  test('told to hurry it aborts at once', async () => {
    const { tasks, clock } = manualTasks()
    tasks.add('deaf', () => new Promise(() => {}))
    await clock.settle()
    const hurry = new AbortController()
    const closing = tasks.close({ signal: hurry.signal })
    await clock.settle()
    hurry.abort()
    await clock.advance(500)
    expect(await closing).toMatchObject({ interrupted: [{ name: 'deaf' }] })
  })

  test('takes what comes after a task that has not ended, whoever adds it', async () => {
    const { tasks, clock } = manualTasks()
    const work = gate()
    const running = tasks.add('running', () => work.promise)
    const ended = tasks.add('ended', () => 1)
    await clock.settle()
    const closing = tasks.close()
    const follow = tasks.add('follows', () => 2, { after: [running] })
    expect(thrownBy(() => tasks.add('late', () => 1, { after: [ended] }))).toMatchObject({
      code: 'ERR_AFTERGLOW_CLOSED',
    })
    work.resolve()
    await clock.settle()
    expect(await follow.settled).toMatchObject({ outcome: 'completed', value: 2 })
    expect(await closing).toMatchObject({ settled: 2 })
    expect(thrownBy(() => tasks.add('too late', () => 1, { after: [running] }))).toMatchObject({ status: 503 })
    expect(missing(tasks)).toBe(0)
  })

  test('counts in its report from the moment a shutdown began', async () => {
    const { tasks, clock } = manualTasks()
    tasks.add('before', () => 1)
    await clock.settle()
    tasks.unready()
    tasks.add('while unready', () => 1)
    await clock.settle()
    tasks.add('in the drain', () => 1)
    const closing = tasks.close()
    await clock.settle()
    expect(await closing).toMatchObject({ settled: 2, outcomes: { completed: 2 } })
  })

  test('is not ready from its first moment, whoever closes it', async () => {
    const { tasks } = manualTasks()
    const closing = tasks.close()
    expect(tasks.ready).toBe(false)
    await closing
  })

  test('a second caller can make it end sooner, by its signal or a nearer deadline, and not later', async () => {
    for (const sooner of ['signal', 'deadline']) {
      const { tasks, clock } = manualTasks({ limits: { graceMs: 100 } })
      tasks.add('deaf', () => new Promise(() => {}), { override: { timeoutMs: 60_000 } })
      await clock.settle()
      const first = tasks.close({ deadlineMs: 20_000 })
      const hurry = new AbortController()
      const second = tasks.close(sooner === 'signal' ? { signal: hurry.signal } : { deadlineMs: 1_000 })
      void tasks.close({ deadlineMs: 60_000 })
      expect(second).toBe(first)
      hurry.abort()
      await clock.advance(1_500)
      expect(await first).toMatchObject({ interrupted: [{ name: 'deaf' }] })
    }
  })

  test.each([
    ['deadlineMs', { deadlineMs: Number.NaN }],
    ['signal', { signal: 'SIGTERM' as never }],
  ])('refuses a %s that is none, also once it closes', async (name, options) => {
    const { tasks } = manualTasks()
    for (let call = 0; call < 2; call++) {
      await expect(tasks.close(options)).rejects.toThrow(`expected \`${name}\` to be`)
      void tasks.close()
    }
  })

  test('gives every caller the same promise, and nothing is taken afterwards', async () => {
    const { tasks } = manualTasks()
    expect(tasks.close()).toBe(tasks.close())
    await tasks.close()
    expect(() => tasks.add('late', () => 1)).toThrow('the runner is closed')
  })

  test('an `await using` block ends once its tasks have', async () => {
    let ran = false
    {
      await using tasks = createTasks({ logger: false })
      tasks.add('inside', () => {
        ran = true
      })
    }
    expect(ran).toBe(true)
  })

  test('tells observers its stages', async () => {
    const { tasks, seen } = manualTasks()
    await tasks.close()
    expect(seen.events).toMatchObject([
      { type: 'drain', stage: 'waiting' },
      { type: 'drained', settled: 0, interrupted: [] },
    ])
  })
})

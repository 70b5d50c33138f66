import { describe, expect, test } from '@jest/globals'
import { defineTask, type Outcome } from 'koa-afterglow'
import { gate, manualTasks, missing, thrownBy } from '../support/runner.ts'

const fail = () => {
  throw new TypeError('boom')
}

describe('hooks', () => {
  test('onError is called once per failed attempt, onDead once per task that ended badly, run or not', async () => {
    const errors: string[] = []
    const dead: string[] = []
    const { tasks, clock } = manualTasks({
      hooks: {
        onError: (error, { name, attempt }) => void errors.push(`${name} ${attempt} ${error.message}`),
        onDead: ({ outcome }: Outcome, { name }) => void dead.push(`${name} ${outcome}`),
      },
    })
    tasks.add(defineTask({ name: 'flaky', retry: { attempts: 2, baseDelayMs: 1 }, run: fail }))
    tasks.add('expected', fail, { override: { expected: [TypeError] } })
    tasks.add('fine', () => 1)
    tasks.add('stale', () => 1, { expiresMs: 0 })
    tasks.add('deaf', () => new Promise(() => {}), { override: { timeoutMs: 10 } })
    const bad = tasks.add('bad', fail)
    tasks.add('skipped', () => 1, { after: [bad] })
    await clock.advance(10_000)
    expect(errors.toSorted()).toEqual(['bad 1 boom', 'deaf 1 timed out after 10 ms', 'flaky 1 boom', 'flaky 2 boom'])
    expect(dead.toSorted()).toEqual(['bad failed', 'deaf timed_out', 'flaky failed', 'stale dropped'])
  })

  test.each([
    ['throws', fail],
    ['rejects', () => Promise.reject(new TypeError('boom'))],
  ])('one that %s is reported as itself and changes nothing', async (_, onError) => {
    const { tasks, clock, seen } = manualTasks({ hooks: { onError } })
    const handle = tasks.add('bad', fail)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed' })
    expect(seen.events).toMatchObject([{ type: 'failure_of_our_own', where: 'hook onError', record: { name: 'bad' } }])
  })

  test('one that hangs is reported after five seconds', async () => {
    const { tasks, clock, seen } = manualTasks({ hooks: { onDead: () => new Promise(() => {}) } })
    tasks.add('bad', fail)
    await clock.advance(4_999)
    expect(seen.events).toEqual([])
    await clock.advance(1)
    expect(seen.events).toMatchObject([{ where: 'hook onDead' }])
  })

  test('a misspelt hook is refused, and so is what cannot be one', () => {
    expect(() => manualTasks({ hooks: { onDeath: fail } as never })).toThrow("there is no hook 'onDeath'")
    expect(() => manualTasks({ hooks: { onDead: 'page' } as never })).toThrow('expected `onDead` to be a function')
    expect(() => manualTasks({ hooks: { reportTo: {} } as never })).toThrow('`reportTo` to be a Koa application')
  })

  test('what onDead adds is added by the task that died, also while the runner drains', async () => {
    const undone: string[] = []
    const { tasks, clock } = manualTasks({
      limits: { graceMs: 100 },
      hooks: {
        async onDead({ outcome }, { name }) {
          await Promise.resolve()
          tasks.add('undo', ({ depth }) => void undone.push(`${name} ${outcome}, depth ${depth}`))
        },
      },
    })
    const work = gate()
    tasks.add('fails', () => work.promise)
    tasks.add('never starts', () => 1, { delayMs: 60_000 })
    await clock.settle()
    const closing = tasks.close({ deadlineMs: 1_000 })
    work.reject(new Error('boom'))
    await clock.advance(1_000)
    await closing
    expect(undone.toSorted()).toEqual(['fails failed, depth 1', 'never starts interrupted, depth 1'])
    expect(missing(tasks)).toBe(0)
  })

  test('a drain waits for a hook that may still add, although nothing else is in flight', async () => {
    const stored = gate()
    let undone = false
    const { tasks, clock } = manualTasks({
      hooks: {
        async onDead() {
          await stored.promise
          tasks.add('undo', () => {
            undone = true
          })
        },
      },
    })
    tasks.add('fails', fail)
    await clock.settle()
    const closing = tasks.close()
    await clock.settle()
    stored.resolve()
    await clock.settle()
    await closing
    expect(undone).toBe(true)
  })

  test('what a hook adds once it is no longer waited for is refused by a drain like any other stranger', async () => {
    const late = gate()
    const work = gate()
    let refused: unknown
    const { tasks, clock } = manualTasks({
      hooks: {
        async onDead() {
          await late.promise
          refused = thrownBy(() => tasks.add('undo', () => 1))
        },
      },
    })
    tasks.add('fails', fail)
    tasks.add('keeps it open', () => work.promise)
    await clock.settle()
    const closing = tasks.close()
    await clock.advance(5_000)
    late.resolve()
    await clock.settle()
    expect(refused).toMatchObject({ code: 'ERR_AFTERGLOW_CLOSED' })
    work.resolve()
    await clock.settle()
    await closing
  })

  test('a compensation that always fails stops at maxDepth', async () => {
    const { tasks, clock, seen } = manualTasks({
      limits: { maxDepth: 3 },
      hooks: { onDead: () => void tasks.add('undo', fail) },
    })
    tasks.add('fails', fail)
    await clock.settle()
    expect(seen.attempts).toHaveLength(4)
    expect(seen.events).toMatchObject([{ where: 'hook onDead', error: { code: 'ERR_AFTERGLOW_TOO_DEEP' } }])
    expect(missing(tasks)).toBe(0)
  })

  test('close waits for hooks that still run, within its deadline', async () => {
    const report = gate()
    const { tasks, clock } = manualTasks({ hooks: { onDead: () => report.promise } })
    tasks.add('bad', fail)
    await clock.settle()
    let closed = false
    const closing = tasks.close({ deadlineMs: 1_000 }).then(() => (closed = true))
    await clock.advance(500)
    expect(closed).toBe(false)
    report.resolve()
    await clock.settle()
    expect(await closing).toBe(true)
  })
})

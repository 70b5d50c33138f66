import { describe, expect, test } from '@jest/globals'
import { defineTask, type Outcome } from 'koa-afterglow'
import { gate, manualTasks } from '../support/runner.ts'

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

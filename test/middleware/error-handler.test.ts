import { describe, expect, test } from '@jest/globals'
import { errorHandler, type ErrorDecision, type TaskContext } from 'koa-afterglow'
import { manualTasks } from '../support/runner.ts'
import { remembering } from '../support/telemetry.ts'

class CardDeclined extends Error {}
class RateLimited extends Error {
  readonly retryAfterMs: number
  constructor(retryAfterMs: number) {
    super('slow down')
    this.retryAfterMs = retryAfterMs
  }
}
const decline = () => {
  throw new CardDeclined('declined')
}

describe('errorHandler', () => {
  test('reports every error that leaves the handler, and lets it go on', async () => {
    const reported: string[] = []
    const { tasks, clock } = manualTasks()
    tasks.use(errorHandler({ report: (error, { name }) => void reported.push(`${name}: ${error.message}`) }))
    const handle = tasks.add('charge', decline)
    await clock.settle()
    expect(reported).toEqual(['charge: declined'])
    expect(await handle.settled).toMatchObject({ outcome: 'failed', error: { message: 'declined' } })
  })

  test('a report that fails is logged as that, and an expected error stays expected', async () => {
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger, defaults: { expected: [CardDeclined] } })
    tasks.use(errorHandler({ report: () => Promise.reject(new Error('tracker is down')) }))
    const handle = tasks.add('charge', decline)
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'discarded', error: { message: 'declined' } })
    expect(lines).toMatchObject([
      { level: 50, msg: 'errorHandler: report failed', err: { message: 'tracker is down' } },
      {},
    ])
  })

  test('decides per class of error: wait as told, give up at once, discard, or leave it to the policy', async () => {
    const { tasks, clock, seen } = manualTasks({
      defaults: { retry: { attempts: 3, backoff: 'fixed', baseDelayMs: 10 } },
    })
    tasks.use(
      errorHandler({
        classify(error) {
          if (error instanceof RateLimited) return { retry: { afterMs: error.retryAfterMs } }
          if (error instanceof RangeError) return { fail: 'it will never fit' }
          if (error instanceof CardDeclined) return { discard: 'card declined' }
          return undefined
        },
      }),
    )
    const fails = (name: string, error: Error) =>
      tasks.add(name, () => {
        throw error
      })
    const [limited, invalid, declined, other] = [
      fails('limited', new RateLimited(5_000)),
      fails('invalid', new RangeError('no')),
      fails('declined', new CardDeclined('no')),
      fails('other', new Error('no')),
    ]
    await clock.advance(9_999)
    expect(tasks.stats().inFlight).toMatchObject({ backoff: 1 })
    await clock.advance(1)
    expect(await limited.settled).toMatchObject({ outcome: 'failed', attempts: 3 })
    expect(await invalid.settled).toMatchObject({ outcome: 'failed', attempts: 1, reason: 'it will never fit' })
    expect(await declined.settled).toMatchObject({ outcome: 'discarded', attempts: 1, reason: 'card declined' })
    expect(await other.settled).toMatchObject({ outcome: 'failed', attempts: 3 })
    expect(seen.attempts).toHaveLength(8)
  })

  test('one that always answers retry ends with the attempts, and says why', async () => {
    const { tasks, clock, seen } = manualTasks()
    tasks.use(errorHandler({ classify: () => ({ retry: {} }) }))
    const once = tasks.add('never opted in', decline)
    const thrice = tasks.add('opted in', decline, { override: { retry: { attempts: 3 } } })
    await clock.advance(600_000)
    expect(await once.settled).toMatchObject({ outcome: 'failed', attempts: 1, error: { message: 'declined' } })
    expect(await thrice.settled).toMatchObject({ attempts: 3, reason: expect.stringContaining('attempt 3 of 3') })
    expect(seen.attempts).toHaveLength(4)
  })

  test('a retry beyond the attempts is bounded by expiresMs', async () => {
    const { tasks, clock, seen } = manualTasks()
    tasks.use(errorHandler({ classify: () => ({ retry: { afterMs: 1_000, beyondAttempts: true } }) }))
    const handle = tasks.add('limited', decline, { expiresMs: 4_500 })
    await clock.advance(10_000)
    expect(await handle.settled).toMatchObject({ outcome: 'dropped', attempts: 5 })
    expect(seen.attempts).toHaveLength(5)
  })

  test('tells report what was decided', async () => {
    const decisions: ErrorDecision[] = []
    const { tasks, clock } = manualTasks()
    const report = (_error: Error, _task: TaskContext, decision: ErrorDecision) => void decisions.push(decision)
    tasks.use(errorHandler({ classify: () => ({ fail: 'enough' }), report }))
    tasks.add('charge', decline)
    await clock.settle()
    expect(decisions).toEqual([{ fail: 'enough' }])
  })

  test.each([
    ['that throws', () => decline(), 'declined'],
    ['that gives a promise', () => Promise.reject(new Error('too late')), 'classify gave a promise'],
    ['that gives what is no decision', () => 'retry', 'classify gave no decision'],
    ['that gives a retry which is no object', () => ({ retry: true }), 'classify gave no decision'],
  ])('a classify %s decides nothing and is logged as itself', async (_, classify, message) => {
    const { lines, logger } = remembering()
    const { tasks, clock } = manualTasks({ logger })
    tasks.use(errorHandler({ classify: classify as never }))
    const handle = tasks.add('charge', () => {
      throw new RangeError('the one')
    })
    await clock.settle()
    expect(await handle.settled).toMatchObject({ outcome: 'failed', error: { message: 'the one' } })
    expect(lines[0]).toMatchObject({
      level: 50,
      msg: 'errorHandler: classify failed',
      err: { message: expect.stringContaining(message) },
    })
  })
})

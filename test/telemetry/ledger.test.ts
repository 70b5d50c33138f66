import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Flow } from '../../src/core/flow.ts'
import { InFlight } from '../../src/core/in-flight.ts'
import { manualTasks } from '../support/runner.ts'
import { SDK_NAMES, SDKS, type SeenPoint } from '../support/telemetry.ts'

const sum = (
  points: readonly SeenPoint[],
  name: string,
  only: (attributes: SeenPoint['attributes']) => boolean,
): number =>
  points
    .filter((point) => point.name === name && only(point.attributes))
    .reduce((all, { value }) => all + (value as number), 0)

/** What the alert computes, of what one process exports and nothing else: raw counters, and tasks in flight. */
function imbalance(points: readonly SeenPoint[]): number {
  const entered = sum(points, 'afterglow.task.submissions', (attributes) =>
    ['accepted', 'fetched'].includes(String(attributes['afterglow.submission.result'])),
  )
  const all = () => true
  return entered - sum(points, 'afterglow.task.settled', all) - sum(points, 'afterglow.task.count', all)
}

/** Tasks of which some end, some wait and some are refused. */
async function lived() {
  const { tasks, clock } = manualTasks({ limits: { maxPending: 40 } })
  for (let n = 0; n < 10; n++) {
    tasks.add('fine', () => 1)
    tasks.add('fails', () => Promise.reject(new Error('no')))
    tasks.add('cancelled', () => 1).cancel()
    tasks.add('later', () => 1, { delayMs: 1_000 })
  }
  for (let n = 0; n < 20; n++) tasks.add('refused', () => 1, { override: { onOverload: 'drop' } })
  await clock.settle()
  return { tasks, clock }
}

/** Runners of a process are one sum, and what a test breaks on purpose would stay in it. */
beforeEach(() => {
  for (const key of Object.getOwnPropertySymbols(globalThis))
    if (Symbol.keyFor(key)?.startsWith('koa-afterglow.metrics')) Reflect.deleteProperty(globalThis, key)
})

describe.each(SDK_NAMES)('the ledger as it is exported with %s', (sdkName) => {
  test('balances while tasks are in flight and once all have ended', async () => {
    await using sdk = SDKS[sdkName]()
    const { clock } = await lived()
    const during = await sdk.points()
    expect(sum(during, 'afterglow.task.count', () => true)).toBe(10)
    expect(imbalance(during)).toBe(0)
    await clock.advance(1_000)
    const after = await sdk.points()
    expect(sum(after, 'afterglow.task.count', () => true)).toBe(0)
    expect(imbalance(after)).toBe(0)
  })

  test('shows a task that vanished: it left without an outcome', async () => {
    await using sdk = SDKS[sdkName]()
    const { settle } = Flow.prototype
    let dropped = 0
    jest.spyOn(Flow.prototype, 'settle').mockImplementation(function (this: Flow, submission, outcome, byAttempt) {
      if (submission.name !== 'fails' || dropped > 0) return settle.call(this, submission, outcome, byAttempt)
      dropped++
      this.live.delete(submission)
      submission.end(outcome)
    })
    await lived()
    expect(dropped).toBe(1)
    expect(imbalance(await sdk.points())).toBe(1)
  })

  test('shows an outcome that was counted for a task which is still there', async () => {
    await using sdk = SDKS[sdkName]()
    const remove = InFlight.prototype.delete
    let kept = 0
    jest.spyOn(InFlight.prototype, 'delete').mockImplementation(function (this: InFlight, submission) {
      if (submission.name === 'fine' && kept++ === 0) return
      remove.call(this, submission)
    })
    await lived()
    expect(kept).toBeGreaterThan(0)
    expect(imbalance(await sdk.points())).toBe(-1)
  })

  test('shows an outcome that was counted twice', async () => {
    await using sdk = SDKS[sdkName]()
    const { settle } = Flow.prototype
    let twice = 0
    jest.spyOn(Flow.prototype, 'settle').mockImplementation(function (this: Flow, submission, outcome, byAttempt) {
      settle.call(this, submission, outcome, byAttempt)
      if (submission.name === 'cancelled' && twice++ === 0) submission.task.counts.outcomes.cancelled++
    })
    await lived()
    expect(imbalance(await sdk.points())).toBe(-1)
  })
})

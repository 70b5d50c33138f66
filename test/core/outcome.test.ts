import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { DEFAULT_SETTINGS } from '../../src/core/options.ts'
import { decideOutcome as decide, skippedBy, type AttemptEnd, type Thrown } from '../../src/core/outcome.ts'
import { retryDelay } from '../../src/core/retry.ts'

const boom = new TypeError('boom')
type End = AttemptEnd & { readonly threw: Thrown | undefined }
const decideOutcome = (one: End) => decide(one, one.threw)
const end = (parts: Partial<End>): End => ({
  attempt: 1,
  settings: DEFAULT_SETTINGS,
  value: undefined,
  handlerThrew: undefined,
  handlerCalled: true,
  threw: undefined,
  decision: undefined,
  aborted: undefined,
  ...parts,
})
const threw = { threw: { value: boom }, handlerThrew: { value: boom } }
const retrying = { ...DEFAULT_SETTINGS, retry: { ...DEFAULT_SETTINGS.retry, attempts: 3 } }

describe('the outcome of an attempt', () => {
  test('is completed with the value when nothing was thrown', () => {
    expect(decideOutcome(end({ value: 7 }))).toEqual({ outcome: 'completed', value: 7, attempts: 1 })
  })

  test('is completed but remembers the error when middleware swallowed it', () => {
    expect(decideOutcome(end({ handlerThrew: { value: boom } }))).toEqual({
      outcome: 'completed',
      value: undefined,
      handled: boom,
      attempts: 1,
    })
  })

  test('is failed when no attempt is left, and retried while one is', () => {
    expect(decideOutcome(end(threw))).toEqual({ outcome: 'failed', error: boom, attempts: 1 })
    expect(decideOutcome(end({ ...threw, settings: retrying }))).toMatchObject({ outcome: 'retried', error: boom })
    expect(decideOutcome(end({ ...threw, settings: retrying, attempt: 3 }))).toMatchObject({ outcome: 'failed' })
  })

  test('is discarded for an expected error, before any retry', () => {
    const settings = { ...retrying, expected: [TypeError] }
    expect(decideOutcome(end({ ...threw, settings }))).toMatchObject({ outcome: 'discarded', error: boom })
    expect(decideOutcome(end({ threw: { value: new RangeError() }, settings }))).toMatchObject({ outcome: 'retried' })
  })

  test('is what the handler decided, whatever the policy says', () => {
    const discard = { kind: 'discard', reason: 'gone' } as const
    expect(decideOutcome(end({ ...threw, decision: discard, settings: retrying }))).toEqual({
      outcome: 'discarded',
      reason: 'gone',
      error: boom,
      attempts: 1,
    })
    const retry = { kind: 'retry', afterMs: 9 } as const
    expect(decideOutcome(end({ ...threw, decision: retry, settings: retrying }))).toEqual({
      outcome: 'retried',
      afterMs: 9,
      error: boom,
      attempts: 1,
    })
    expect(decideOutcome(end({ decision: retry, settings: retrying }))).toEqual({
      outcome: 'retried',
      afterMs: 9,
      attempts: 1,
    })
  })

  test('is timed_out when the deadline aborted it, and may be retried', () => {
    const aborted = { cause: 'timeout', reason: boom } as const
    expect(decideOutcome(end({ ...threw, aborted }))).toMatchObject({ outcome: 'timed_out' })
    expect(decideOutcome(end({ ...threw, aborted, settings: retrying }))).toMatchObject({ outcome: 'retried' })
  })

  test.each([
    ['cancel', 'cancelled'],
    ['drain', 'interrupted'],
  ] as const)('after a %s is %s even if attempts are left or a retry was asked for', (cause, outcome) => {
    const reason = new Error('why')
    const stopped = end({
      ...threw,
      aborted: { cause, reason },
      settings: retrying,
      decision: { kind: 'retry', afterMs: 1 },
    })
    expect(decideOutcome(stopped)).toMatchObject({ outcome, reason: 'why' })
  })

  test('is completed when the work was done although its signal was aborted', () => {
    expect(decideOutcome(end({ value: 1, aborted: { cause: 'timeout', reason: boom } }))).toMatchObject({ value: 1 })
  })

  test.each([['a string'], [undefined], [null], [Object.freeze({ odd: true })]])(
    'wraps what is no Error (%p) and leaves it as it was',
    (value) => {
      const outcome = decideOutcome(end({ threw: { value } }))
      expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'ERR_AFTERGLOW_NON_ERROR_THROWN' } })
      expect('error' in outcome && outcome.error?.cause).toBe(value)
    },
  )

  test('survives an expected class whose instanceof throws', () => {
    class Hostile extends Error {
      static override [Symbol.hasInstance](): boolean {
        throw new Error('no')
      }
    }
    expect(decideOutcome(end({ ...threw, settings: { ...DEFAULT_SETTINGS, expected: [Hostile] } }))).toMatchObject({
      outcome: 'failed',
    })
  })
})

describe('a retry that was asked for', () => {
  const retry = { kind: 'retry', afterMs: 9 } as const
  const last = { settings: retrying, attempt: 3 }

  test('counts like any other: with no attempt left the task fails, and says so', () => {
    const reason = 'a retry was asked for, but this was attempt 3 of 3 (retry.attempts)'
    expect(decideOutcome(end({ ...threw, ...last, decision: retry }))).toEqual({
      outcome: 'failed',
      error: boom,
      reason,
      attempts: 3,
    })
    const silent = decideOutcome(end({ ...last, decision: retry }))
    expect(silent).toMatchObject({ outcome: 'failed', error: { code: 'ERR_AFTERGLOW_GAVE_UP', message: reason } })
  })

  test('does not make a task run twice that never opted in', () => {
    expect(decideOutcome(end({ ...threw, decision: retry }))).toMatchObject({ outcome: 'failed', error: boom })
  })

  test('goes beyond the attempts only when it says so', () => {
    const decision = { ...retry, beyondAttempts: true }
    expect(decideOutcome(end({ ...threw, ...last, decision }))).toMatchObject({ outcome: 'retried', afterMs: 9 })
  })

  test('does not turn an expected error into a failure', () => {
    const settings = { ...retrying, expected: [TypeError] }
    expect(decideOutcome(end({ ...threw, attempt: 3, settings, decision: retry }))).toMatchObject({
      outcome: 'discarded',
    })
  })

  test('after the deadline is timed_out when no attempt is left', () => {
    const aborted = { cause: 'timeout', reason: boom } as const
    expect(decideOutcome(end({ ...threw, aborted, decision: retry }))).toMatchObject({ outcome: 'timed_out' })
  })
})

describe('a task that gives up', () => {
  const decision = { kind: 'fail', reason: 'no such customer' } as const

  test('is failed although attempts are left and the error is expected, with its reason', () => {
    const settings = { ...retrying, expected: [TypeError] }
    expect(decideOutcome(end({ ...threw, settings, decision }))).toEqual({
      outcome: 'failed',
      error: boom,
      reason: 'no such customer',
      attempts: 1,
    })
  })

  test('is failed also when nothing was thrown, or middleware swallowed it', () => {
    expect(decideOutcome(end({ decision }))).toMatchObject({
      outcome: 'failed',
      error: { code: 'ERR_AFTERGLOW_GAVE_UP', message: 'no such customer' },
    })
    expect(decideOutcome(end({ handlerThrew: { value: boom }, decision }))).toMatchObject({ error: boom })
  })

  test('is cancelled all the same if it was cancelled', () => {
    const aborted = { cause: 'cancel', reason: boom } as const
    expect(decideOutcome(end({ ...threw, aborted, decision }))).toMatchObject({ outcome: 'cancelled' })
  })
})

describe('middleware that does not call next()', () => {
  test('skips the task, which is not completed: its handler never ran', () => {
    expect(decideOutcome(end({ handlerCalled: false }))).toEqual({
      outcome: 'skipped',
      reason: 'work middleware did not call next()',
      attempts: 1,
    })
  })

  test('may decide what it is instead', () => {
    const decision = { kind: 'discard', reason: 'switched off' } as const
    expect(decideOutcome(end({ handlerCalled: false, decision }))).toMatchObject({ outcome: 'discarded' })
  })
})

describe('runOn', () => {
  const on = (runOn: 'settled' | 'sent' | 'success') => ({ ...DEFAULT_SETTINGS, runOn })
  test('settled runs whatever became of the response', () => {
    expect(skippedBy(on('settled'), 'aborted', 500)).toBeUndefined()
  })
  test('sent runs unless the response was aborted', () => {
    expect(skippedBy(on('sent'), 'sent', 500)).toBeUndefined()
    expect(skippedBy(on('sent'), 'aborted', 200)).toContain('aborted')
  })
  test('success runs for 2xx and 3xx only', () => {
    for (const status of [200, 204, 302, 399]) expect(skippedBy(on('success'), 'sent', status)).toBeUndefined()
    for (const status of [199, 400, 404, 500])
      expect(skippedBy(on('success'), 'sent', status)).toContain(String(status))
  })
})

describe('the delay of a retry', () => {
  const policy = fc.record({
    attempts: fc.integer({ min: 1, max: 50 }),
    backoff: fc.constantFrom('fixed' as const, 'exponential' as const),
    baseDelayMs: fc.integer({ min: 0, max: 10_000 }),
    maxDelayMs: fc.integer({ min: 0, max: 600_000 }),
    jitter: fc.boolean(),
  })

  test('is never negative, never above maxDelayMs, and finite for any attempt', () => {
    fc.assert(
      fc.property(
        policy,
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (p, n, r) => {
          const delay = retryDelay(p, n, () => r)
          expect(delay).toBeGreaterThanOrEqual(0)
          expect(delay).toBeLessThanOrEqual(p.maxDelayMs)
        },
      ),
    )
  })

  test('doubles without jitter, and with jitter is anything below that', () => {
    const p = { attempts: 9, backoff: 'exponential', baseDelayMs: 100, maxDelayMs: 1_000, jitter: false } as const
    expect([1, 2, 3, 4, 5].map((n) => retryDelay(p, n))).toEqual([100, 200, 400, 800, 1_000])
    expect(retryDelay({ ...p, jitter: true }, 3, () => 0.25)).toBe(100)
  })
})

import { describe, expect, test } from '@jest/globals'
import { isError, TimeoutError } from '../../src/core/errors.ts'
import { errorType } from '../../src/telemetry/exceptions.ts'
import { packThrown, unpackThrown, type ErrorClass } from '../../src/threads/crossing-errors.ts'

class PaymentError extends Error {}
class CardDeclined extends PaymentError {
  override readonly name = 'CardDeclined'
  readonly code = 'card_declined'
  readonly retry = () => 1
}
const crossed = (thrown: unknown, known: readonly ErrorClass[] = []) =>
  unpackThrown(structuredClone(packThrown(thrown)), known) as Error & Record<string, unknown>

describe('an error that crosses between threads', () => {
  test('is an Error with its message, stack and name, and of what it carries what can be cloned', () => {
    const error = new CardDeclined('no')
    const there = crossed(error)
    expect(isError(there)).toBe(true)
    expect(there).toMatchObject({ code: 'card_declined' })
    expect([there.name, there.message, there.stack]).toEqual([error.name, error.message, error.stack])
    expect(Object.keys(there)).toEqual(['code'])
  })

  test('has the `error.type` that it had, also of a class that sets no name', () => {
    expect(errorType(crossed(new CardDeclined('no')))).toBe('CardDeclined')
    expect(errorType(crossed(new PaymentError('no')))).toBe('PaymentError')
    expect(errorType(crossed(new TypeError('no')))).toBe('TypeError')
    expect(errorType(crossed(new DOMException('stop', 'AbortError')))).toBe('AbortError')
  })

  test('is an instance of the classes known here', () => {
    expect(crossed(new CardDeclined('no'), [CardDeclined])).toBeInstanceOf(CardDeclined)
    expect(crossed(new CardDeclined('no'), [PaymentError])).toBeInstanceOf(PaymentError)
    expect(crossed(new CardDeclined('no'))).not.toBeInstanceOf(PaymentError)
    expect(crossed(new TimeoutError('late'), [TimeoutError])).toMatchObject({ code: 'ERR_AFTERGLOW_TIMEOUT' })
  })

  test('brings its causes, to a depth of five, and the members of an AggregateError', () => {
    const loop = new Error('loop')
    loop.cause = loop
    let depth = 0
    for (let at: unknown = crossed(loop); isError(at); at = at.cause) depth++
    expect(depth).toBe(5)
    const several = crossed(new AggregateError([new CardDeclined('one'), 'two'], 'several', { cause: 3 }))
    expect(several).toMatchObject({ errors: [{ name: 'CardDeclined' }, 'two'], cause: 3 })
  })

  test('what is no Error crosses as it is, or as what it was', () => {
    expect(crossed({ reason: 1 })).toEqual({ reason: 1 })
    expect(crossed(undefined)).toBeUndefined()
    expect(crossed(() => 1)).toBe('function that cannot leave its thread')
  })

  test('one that throws when it is looked at still crosses', () => {
    const hostile = Object.defineProperty(new Error('x'), 'code', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    })
    expect(crossed(hostile)).toBe('object that cannot leave its thread')
  })
})

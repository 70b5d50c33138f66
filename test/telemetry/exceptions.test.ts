import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { errorType, exceptionFacts } from '../../src/telemetry/exceptions.ts'

class PgError extends Error {
  code = '23505'
}

describe('error.type', () => {
  test.each<[string, Error, string]>([
    ['a plain Error', new Error('x'), 'Error'],
    ['a subclass that never set its name', new PgError('x'), 'PgError'],
    ['an error named by hand', Object.assign(new Error('x'), { name: 'PaymentError' }), 'PaymentError'],
    ['an AbortError of the platform', new DOMException('x', 'AbortError'), 'AbortError'],
    ['an error of another realm', runInNewContext('new RangeError("x")') as Error, 'RangeError'],
  ])('of %s is its class, never its code', (_, error, type) => {
    expect(errorType(error)).toBe(type)
  })
})

describe('exception facts', () => {
  test('follow causes to depth five and end at a cycle', () => {
    const root = new Error('0')
    let error = root
    for (let n = 1; n < 8; n++) error = new Error(String(n), { cause: error })
    const { stacktrace } = exceptionFacts(error)
    expect(stacktrace.match(/caused by/g)).toHaveLength(5)
    expect(stacktrace).toContain('more, left off')
    const [a, b] = [new Error('a'), new Error('b')]
    a.cause = b
    b.cause = a
    expect(exceptionFacts(a).stacktrace).toContain('an error above, again')
  })

  test('name ten members of an AggregateError and count the rest', () => {
    const errors = Array.from({ length: 10_000 }, (_, n) => new Error(`member ${n}`))
    const { stacktrace } = exceptionFacts(new AggregateError(errors, 'all failed'))
    expect(stacktrace).toContain('member 9')
    expect(stacktrace).not.toContain('member 10\n')
    expect(stacktrace).toContain('10000 errors, the first 10:')
  })

  test('name all ten members however long their stacks are', () => {
    const deep = (n: number) =>
      Object.assign(new Error(`member ${n}`), { stack: `Error: member ${n}\n${'    at x\n'.repeat(5_000)}` })
    const errors = Array.from({ length: 20 }, (_, n) => deep(n))
    const all = Object.assign(new AggregateError(errors, 'all failed'), {
      stack: `all failed\n${'    at y\n'.repeat(5_000)}`,
    })
    const { stacktrace } = exceptionFacts(all)
    for (let n = 0; n < 10; n++) expect(stacktrace).toContain(`[${n}]: Error: member ${n}\n`)
    expect(stacktrace.length).toBeLessThanOrEqual(16_384)
  })

  test('are bounded and carry no control characters', () => {
    const { message, stacktrace } = exceptionFacts(new Error(`\u001b[31mred\n${'x'.repeat(1_000_000)}`))
    expect(message).toHaveLength(1_024 + '\\u001b'.length - 1 + '\\u000a'.length - 1)
    expect(message).toMatch(/^\\u001b\[31mred\\u000ax+…$/)
    expect(stacktrace.length).toBeLessThanOrEqual(16_384)
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a string', 'boom'],
    ['a symbol', Symbol('boom')],
    ['an object whose toString throws', { toString: () => fail() }],
    ['a revoked proxy', revoked()],
    ['an error whose every property throws', hostile()],
  ])('can be had of %s', (_, thrown) => {
    const facts = exceptionFacts(thrown)
    expect(facts.type).toEqual(expect.any(String))
    expect(facts.stacktrace).toEqual(expect.any(String))
  })
})

describe('the fingerprint', () => {
  const at = (message: string) => new TypeError(message)
  test('is the same for the same failure with other ids, and another for another', () => {
    const [one, two] = ['user 17 of 0af7651916cd43dd', 'user 4711 of b7ad6b7169203331'].map(at)
    expect(exceptionFacts(one).fingerprint).toBe(exceptionFacts(two).fingerprint)
    expect(exceptionFacts(at('something else')).fingerprint).not.toBe(exceptionFacts(one).fingerprint)
  })
})

function fail(): never {
  throw new Error('no')
}
function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
function hostile(): Error {
  const error = new Error('x')
  for (const key of ['name', 'message', 'stack', 'cause', 'errors', 'constructor'])
    Object.defineProperty(error, key, { get: fail })
  return error
}

import { describe, expect, test } from '@jest/globals'
import { findUncloneable } from '../../src/threads/cloneable.ts'

describe('findUncloneable', () => {
  const cyclic: Record<string, unknown> = { list: [1, { deep: new Date() }] }
  cyclic['self'] = cyclic

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['primitives', [1, 'a', true, null, 1n, undefined]],
    ['a cycle', cyclic],
    ['collections', new Map([[{ key: 1 }, new Set([/x/, new Date()])]])],
    ['binary data', { bytes: new Uint8Array(4), buffer: new ArrayBuffer(4), shared: new SharedArrayBuffer(4) }],
    ['an error, whose clone loses what it carries', Object.assign(new Error('x', { cause: 1 }), { retry: () => 1 })],
    [
      'an instance, whose clone loses its class',
      new (class {
        readonly #own = 1
        readonly n = this.#own
      })(),
    ],
    ['keys that are symbols, which no clone has', { [Symbol('own')]: () => 1 }],
  ])('finds nothing in %s, as structuredClone does', (_what, value) => {
    expect(findUncloneable(value)).toBeUndefined()
    expect(() => structuredClone(value)).not.toThrow()
  })

  test.each<[string, unknown, string, string]>([
    ['a function', () => 1, '', 'a function'],
    ['a method', { mailer: { send() {} } }, 'mailer.send', 'a function'],
    ['one in a list', [1, [2, () => 1]], '1.1', 'a function'],
    ['a symbol', { s: Symbol('s') }, 's', 'a symbol'],
    ['a promise', { p: Promise.resolve() }, 'p', 'a promise'],
    ['a proxy', { p: new Proxy({}, {}) }, 'p', 'a proxy'],
    ['a weak map', new WeakMap(), '', 'a weak collection'],
    ['a value of a map', new Map([['a', () => 1]]), '0', 'a function'],
    ['a member of a set', new Set([() => 1]), '0', 'a function'],
    ['the cause of an error', new Error('x', { cause: () => 1 }), 'cause', 'a function'],
  ])('finds %s, and where, which structuredClone refuses', (_what, value, path, what) => {
    expect(findUncloneable(value)).toEqual({ path, what })
    expect(() => structuredClone(value)).toThrow(/could not be cloned/)
  })

  test('goes as deep as an input does', () => {
    let deep: object = { end: () => 1 }
    for (let n = 0; n < 50_000; n++) deep = { deep }
    expect(findUncloneable(deep)?.what).toBe('a function')
  })
})

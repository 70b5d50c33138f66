import { describe, expect, test } from '@jest/globals'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { plainInput } from '../../../src/core/durable/plain-input.ts'
import { InvalidInputError } from 'koa-afterglow'
import { thrownBy } from '../../support/runner.ts'

const MAX = 1_000
const circular: { self?: unknown } = {}
circular.self = { again: circular }
let deep: unknown = 1
for (let depth = 0; depth < 10_000; depth++) deep = [deep]
let bomb: unknown = 'ten chars.'
for (let level = 0; level < 40; level++) bomb = [bomb, bomb]

/** Behind a function: whoever prints a table of tests prints what is in it. */
const made = (value: unknown) => () => value

describe('rule 6: what JSON would lose or change is refused, with its place', () => {
  const cases: readonly (readonly [string, unknown, RegExp, string])[] = [
    ['a bigint', { order: { total: 10n } }, /input\.order\.total is a bigint: give it as text/, 'order.total'],
    ['a Date', { at: new Date(0) }, /input\.at is a Date \(give toISOString\(\)/, 'at'],
    ['a Map', new Map(), /input is a Map/, ''],
    ['a Buffer', [Buffer.from('x')], /input\[0\] is a Buffer/, '0'],
    ['an object of a class', { url: new URL('http://x') }, /input\.url is a URL/, 'url'],
    ['a Date of another realm', { at: runInNewContext('new Date()') as unknown }, /is a Date/, 'at'],
    ['a function', { run: () => 1 }, /input\.run is a function/, 'run'],
    ['a symbol', Symbol('x'), /input is a symbol/, ''],
    ['undefined in an array', [1, undefined], /input\[1\] is undefined in an array/, '1'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole in an array', [1, , 2], /input\[1\] is undefined in an array/, '1'],
    ['NaN', { rate: NaN }, /input\.rate is NaN/, 'rate'],
    ['Infinity', [Infinity], /input\[0\] is Infinity/, '0'],
    ['a circle', made(circular), /input\.self\.again refers back/, 'self.again'],
    ['U+0000', { name: 'a\u0000b' }, /input\.name has the character U\+0000/, 'name'],
    ['half a surrogate pair', ['\ud83d'], /input\[0\] has half of a surrogate pair/, '0'],
    ['U+0000 in a key', { 'a\u0000': 1 }, /has the character U\+0000/, 'a\\u0000'],
    ['what is too deep', made(deep), /more than 100 objects deep/, '0.0.0.0.0'],
    ['what is too large', 'x'.repeat(MAX), /larger than|bytes as JSON; limits\.maxInputBytes is 1000/, ''],
    ['what refers to itself a thousandfold', made(bomb), /larger than limits\.maxInputBytes/, '0.0.0.0.0'],
    ['what is too large in bytes, not in characters', 'ä'.repeat(600), /1202 bytes as JSON/, ''],
  ]
  test.each(cases)('%s', (_name, given, message, path) => {
    const input = typeof given === 'function' ? (given as () => unknown)() : given
    const error = thrownBy(() => plainInput(input, MAX, 'note')) as InvalidInputError
    expect(error).toBeInstanceOf(InvalidInputError)
    expect(error.message).toMatch(message)
    expect(error.issues[0]?.path).toBe(path)
  })

  test('what survives is copied as it will come back: any JSON at all', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const sound = JSON.stringify(value).isWellFormed() && !JSON.stringify(value).includes('\\u0000')
        fc.pre(sound)
        expect(plainInput(value, 1_000_000, 'note')).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('nothing, an absent key, objects without a prototype and of another realm survive', () => {
    expect(plainInput(undefined, MAX, 'note')).toBeUndefined()
    expect(plainInput({ a: undefined, b: 1 }, MAX, 'note')).toEqual({ b: 1 })
    expect(plainInput(Object.assign(Object.create(null), { a: 1 }), MAX, 'note')).toEqual({ a: 1 })
    expect(plainInput(runInNewContext('({ a: [1] })'), MAX, 'note')).toEqual({ a: [1] })
    expect(plainInput(JSON.parse('{"__proto__": {"a": 1}}'), MAX, 'note')).toEqual(
      JSON.parse('{"__proto__": {"a": 1}}'),
    )
  })

  test('a getter that throws throws to whoever adds', () => {
    const input = {
      get hostile(): string {
        throw new Error('boo')
      },
    }
    expect(() => plainInput(input, MAX, 'note')).toThrow('boo')
  })
})

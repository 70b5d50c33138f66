import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { normalSelector, SelectorError } from '../../src/cli/dashboards/selector.ts'
import { errorsIn } from '../support/grafana.ts'

it.each([
  ['cluster="eu"', 'cluster="eu"'],
  [`{ cluster = 'eu' , job=~"shop.*", }`, 'cluster="eu",job=~"shop.*"'],
  [`a!="x,y}",b!~"it's|\\\\d"`, `a!="x,y}",b!~"it's|\\\\d"`],
  [`a='say "hi"'`, `a="say \\"hi\\""`],
])('%s is read as %s', (given, read) => {
  expect(normalSelector(given)).toBe(read)
})

it.each([
  ['', 'empty'],
  ['{}', 'empty'],
  ['shop', "cannot be read from 'shop' on"],
  ['job=shop', "cannot be read from 'job=shop' on"],
  ['job="shop" cluster="eu"', 'cannot be read from'],
  ['job="shop', 'cannot be read from'],
  ['job=="shop"', 'cannot be read from'],
  ['1job="shop"', 'cannot be read from'],
  ['job="a",or up{x="y"}', "cannot be read from 'or up"],
  ['job=~"shop("', 'has no regular expression in "shop("'],
])('%s is refused, with where and why', (given, why) => {
  expect(() => normalSelector(given)).toThrow(SelectorError)
  expect(() => normalSelector(given)).toThrow(why)
})

it('whatever is taken can be put into a query, and is read the same again', () => {
  const label = fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/)
  const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((one) => !/[\n\r\u2028\u2029]/.test(one))
  const quote = fc.constantFrom('"', "'")
  const matcher = fc.tuple(label, fc.constantFrom('=', '!='), text, quote).map(([name, operator, value, mark]) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`)
    return `${name}${operator}${mark}${escaped}${mark}`
  })
  fc.assert(
    fc.property(fc.array(matcher, { minLength: 1, maxLength: 3 }), (matchers) => {
      const read = normalSelector(matchers.join(', '))
      expect(errorsIn('promql', `up{${read}}`)).toEqual([])
      expect(normalSelector(read)).toBe(read)
    }),
  )
})

import { expect, test } from '@jest/globals'
import { defineTask, InvalidOptionError } from 'koa-afterglow'

const run = () => 1

test('a task may say who owns it and how often it may fail', () => {
  expect(defineTask({ name: 'mail', owner: 'growth', slo: 0.99, run })).toMatchObject({ owner: 'growth', slo: 0.99 })
  const plain = defineTask({ name: 'mail', run })
  expect('owner' in plain || 'slo' in plain).toBe(false)
})

test.each([
  [{ slo: 1 }, 'expected `slo` to be a part above 0 and below 1, such as 0.99, got 1 (number)'],
  [{ slo: 99 }, 'expected `slo` to be a part above 0 and below 1, such as 0.99, got 99 (number)'],
  [{ owner: '' }, 'expected `owner` to be a name that is not empty'],
  [{ owner: 'a\nb' }, 'expected `owner` to be a name without control characters'],
])('labels that no metric should carry are refused: %j', (labels, message) => {
  const define = () => defineTask({ name: 'mail', run, ...labels })
  expect(define).toThrow(InvalidOptionError)
  expect(define).toThrow(message)
})

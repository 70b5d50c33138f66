import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import * as names from '../../src/telemetry/names.ts'
import { METRICS } from '../../src/telemetry/names/registry.ts'
import { read } from '../support/docs.ts'
import { root } from '../support/otel-process.ts'

const known: readonly string[] = [
  ...Object.values(names).filter((value) => typeof value === 'string'),
  ...METRICS.map(({ name }) => name),
  ...Object.values(names.LOG_EVENTS),
]
const rows = read('docs/semantics.md')
  .split('\n')
  .filter((line) => /^\| +(\d+|—) +\|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

describe('the table of rules', () => {
  test('has every rule that is built', () => {
    const built = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]
    expect([...new Set(rows.map(([, rule]) => Number(rule)))].filter((rule) => rule > 0)).toEqual(built)
  })

  test.each(['docs/semantics.md', 'docs/errors.md', 'README.md'])(
    '%s names no telemetry that there is not',
    (document) => {
      const said = [...read(document).matchAll(/`(afterglow\.[a-z_.]+)(\*?)`/g)]
      const unknown = said.filter(
        ([, name = '', star]) => !known.some((one) => (star ? one.startsWith(name) : one === name)),
      )
      expect(unknown.map(([name]) => name)).toEqual([])
    },
  )

  test('each row says how the rule shows, and names tests that exist', () => {
    for (const [, , rule = '', , , telemetry = '', tests = ''] of rows) {
      expect({ rule, telemetry }).not.toEqual({ rule, telemetry: '' })
      const paths = [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path)
      expect({ rule, missing: paths.filter((path) => !existsSync(join(root, path))) }).toEqual({ rule, missing: [] })
      expect(paths.length).toBeGreaterThan(0)
    }
  })
})

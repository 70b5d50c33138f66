import { expect, test } from '@jest/globals'
import { blocks, read } from '../support/docs.ts'

/** Indentation apart, and empty lines: a block of a guide stands alone, and code in a test does not. */
const lines = (code: string): string =>
  code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')

const run = ['test/examples/testing-guide.test.ts', 'test/engines/conformance.test.ts']
const tested = lines(run.map(read).join('\n'))

test.each(blocks('docs/testing.md', 'ts').map((block) => [lines(block)]))(
  'the guide shows what is run: %s',
  (block) => {
    expect(tested).toContain(block)
  },
)

test('the README shows what is run', () => {
  const shown = blocks('README.md', 'ts').filter((block) => block.includes('takeOver'))
  expect(shown).toHaveLength(1)
  expect(tested).toContain(lines(shown[0] ?? ''))
})

// docs/collector.md is where a person looks for what can be set; the files are what the collector reads.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'

const root = join(import.meta.dirname, '..', '..')
const files = [
  'otel-collector.yaml',
  'otel-collector.tail-sampling.yaml',
  'otel-collector.debug.yaml',
  'stack/otel-collector.stack.yaml',
]

test('docs/collector.md names every variable of the collector files with its default, and no other', async () => {
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))
  const read = texts.flatMap((text) => [...text.matchAll(/\$\{env:(\w+):-([^}]*)\}/g)])
  const settings = new Set(read.map(([, name, standard]) => `${name} ${standard}`))
  const docs = await readFile(join(root, 'docs', 'collector.md'), 'utf8')
  const rows = [...docs.matchAll(/^\| `([A-Z_]+)` +\| `([^`]*)`/gm)].map(([, name, standard]) => `${name} ${standard}`)
  expect(rows.toSorted()).toEqual([...settings].toSorted())
  for (const text of texts) expect(text).not.toMatch(/\$\{env:\w+\}/)
})

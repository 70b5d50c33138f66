import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { generated } from '../../dashboards/build/generated.ts'
import { config } from '../../dashboards/config.ts'

const folder = join(import.meta.dirname, '../../dashboards')
const files = generated(config)

test.each(Object.keys(files))('%s is what `npm run dashboards` writes', (path) => {
  expect(readFileSync(join(folder, path), 'utf8')).toBe(files[path])
})

test('no dashboard is left over from what is generated no more', () => {
  const committed = readdirSync(join(folder, 'grafana')).map((name) => `grafana/${name}`)
  expect(committed.filter((path) => !(path in files))).toEqual([])
})

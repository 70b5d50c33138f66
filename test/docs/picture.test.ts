import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { PANELS, queryOf } from '../../docs/build/picture/gather.ts'
import { draw } from '../../docs/build/picture/draw.ts'
import { errorsIn } from '../support/grafana.ts'
import type { Recorded } from '../../docs/build/picture/recorded.ts'

const images = join(import.meta.dirname, '../../docs/images')

test('docs/images/incident.svg is what `npm run docs:picture` draws', () => {
  const recorded = JSON.parse(readFileSync(join(images, 'incident.json'), 'utf8')) as Recorded
  expect(readFileSync(join(images, 'incident.svg'), 'utf8')).toBe(draw(recorded))
})

test.each(Object.values(PANELS))('the Overview has the panel that it is recorded by: %s', (title) => {
  const query = queryOf(title, '11m')
  expect(query).toContain('afterglow_task_')
  expect(query).not.toContain('$')
  expect(errorsIn('promql', query)).toEqual([])
})

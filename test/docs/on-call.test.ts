// docs/on-call.md and docs/grafana.md name panels, links and alerts: they are called so.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ALERTS } from '../../dashboards/config.ts'
import { panelsOf, readDashboard } from '../support/dashboards.ts'
import { read } from '../support/docs.ts'
import { provisionedDatasources } from '../support/grafana.ts'
import { root } from '../support/otel-process.ts'

/** Grafana's own. */
const BUILT_IN = ['Logs for this span']

const links = provisionedDatasources().flatMap(({ jsonData, correlations = [] }) => [
  ...correlations.map(({ label }) => label),
  ...(jsonData.derivedFields ?? []).map(({ urlDisplayLabel }) => urlDisplayLabel),
])

async function titles(): Promise<readonly string[]> {
  const uids = readdirSync(join(root, 'dashboards', 'grafana')).map((name) => name.replace('.json', ''))
  const dashboards = await Promise.all(uids.map(readDashboard))
  return dashboards.flatMap((one) => panelsOf(one).map(({ title }) => title))
}

test('every panel and link that docs/on-call.md names is called so', async () => {
  const known = [...links, ...BUILT_IN, ...(await titles())]
  const named = [...read('docs/on-call.md').matchAll(/`([A-Z][a-z]+(?: [\w']+)+)`/g)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([])
})

test('every alert that docs/on-call.md names exists', () => {
  const named = [...read('docs/on-call.md').matchAll(/`(Afterglow\w+)`/g)].map(([, name]) => name)
  expect(named.filter((name) => !(ALERTS as readonly (string | undefined)[]).includes(name))).toEqual([])
})

test('the table of links in docs/grafana.md has every link', () => {
  const page = read('docs/grafana.md')
  expect(links.length).toBeGreaterThan(8)
  expect(links.filter((label) => !page.includes(`| ${label}`))).toEqual([])
})

import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { ALERTS } from '../../dashboards/config.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'docs', 'runbooks')
const grafana = join(root, 'dashboards', 'grafana')
const SECTIONS = ['Look at', 'Stop the harm', 'It is over', 'False positives']

interface Panel {
  readonly title?: string
  readonly targets?: readonly { readonly expr?: string }[]
  readonly panels?: readonly Panel[]
}
interface Dashboard extends Panel {
  readonly title: string
}
interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly labels: Readonly<Record<string, string>> }[]
  }[]
}

const dashboards = readdirSync(grafana).map(
  (name) => JSON.parse(readFileSync(join(grafana, name), 'utf8')) as Dashboard,
)
const panelsOf = (panel: Panel): readonly Panel[] => [panel, ...(panel.panels ?? []).flatMap(panelsOf)]
/** Without what is chosen at the top of a dashboard, and with a window for that which is looked at. */
const bare = (query: string): string =>
  query
    .replaceAll(/\w+=~?"\$\w+",?/g, '')
    .replaceAll(',}', '}')
    .replaceAll('{}', '')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$__(?:rate_)?interval/g, '5m')
    .replaceAll(/\s/g, '')

const rules = parse(readFileSync(join(root, 'dashboards', 'rules', 'afterglow-alerts.yaml'), 'utf8')) as RuleFile
const alerts = rules.groups.flatMap((group) => group.rules)

test('each alert has a runbook, and each runbook an alert', () => {
  expect(readdirSync(folder).map((name) => basename(name, '.md'))).toEqual(alerts.map(({ alert }) => alert).toSorted())
  expect(alerts.map(({ alert }) => alert).toSorted()).toEqual([...ALERTS].toSorted())
})

test('the README of the dashboards lists each alert, as severe as it is', () => {
  const readme = readFileSync(join(root, 'dashboards', 'README.md'), 'utf8')
  const listed = [...readme.matchAll(/^\| \[(\w+)\]\(\.\.\/docs\/runbooks\/(\w+)\.md\) +\| (\w+)/gm)]
  expect(listed.map(([, name, file, severity]) => ({ name, file, severity }))).toEqual(
    alerts.map(({ alert, labels }) => ({ name: alert, file: alert, severity: labels['severity'] })),
  )
})

describe.each(alerts)('the runbook of $alert', ({ alert, labels }) => {
  const page = readFileSync(join(folder, `${alert}.md`), 'utf8')
  const [, query = ''] = /^# \w+\n\n```promql\n(.*?)\n```\n/s.exec(page) ?? []
  const [, title = '', dashboard = '', severity = ''] =
    /^This is what _(.+?)_ of _(.+?)_ asks\. The alert is \*\*(\w+)\*\*\.$/m.exec(page) ?? []

  test('starts with its name and the query of the panel that it names', () => {
    expect(page).toMatch(new RegExp(`^# ${alert}\n`))
    const named = dashboards.find((one) => one.title.endsWith(dashboard) && dashboard !== '')
    const queries = panelsOf(named ?? {})
      .filter((panel) => panel.title === title)
      .flatMap(({ targets = [] }) => targets.map(({ expr = '' }) => bare(expr)))
    expect(queries).toContain(bare(query))
  })

  test('says how severe it is, what to look at, how to stop it, when it is over, and when it is wrong', () => {
    expect(severity).toBe(labels['severity'])
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, section]) => section)).toEqual(SECTIONS)
  })

  test('names panels and runbooks that there are', () => {
    const prose = page.replaceAll(/```.*?```/gs, '').replaceAll(/`[^`]*`/g, '')
    const titles = new Set(dashboards.flatMap(panelsOf).map((panel) => panel.title?.replace(/^koa-afterglow \/ /, '')))
    const named = [...prose.matchAll(/(?<!\w)_([^_\n]+(?:\n[^_\n]+)?)_(?!\w)/g)].map(([, name = '']) =>
      name.replaceAll(/\s+/g, ' '),
    )
    expect(named.filter((name) => !titles.has(name))).toEqual([])
    const linked = [...prose.matchAll(/\]\((\w+)\.md\)/g)].map(([, name = '']) => name)
    expect(linked.filter((name) => !(ALERTS as readonly string[]).includes(name))).toEqual([])
  })
})

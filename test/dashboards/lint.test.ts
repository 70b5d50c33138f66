// Every dashboard against every rule; and every rule against a dashboard that breaks it, so that none is asleep.
import { describe, expect, test } from '@jest/globals'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelsOf } from '../../dashboards/build/model.ts'
import { dashboards } from '../../dashboards/build/dashboards.ts'
import { config, UIDS } from '../../dashboards/config.ts'
import { rules } from '../support/dashboard-lint/rules.ts'

/** As it is committed: what has no place in JSON is gone. */
const committed = dashboards(config).map((one) => JSON.parse(JSON.stringify(one)) as Dashboard)

describe.each(committed.map((dashboard) => [dashboard.title, dashboard] as const))('%s', (_title, dashboard) => {
  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(dashboard, committed)).toEqual([])
  })
})

test('the configuration names every dashboard, and no other', () => {
  expect(committed.map(({ uid }) => String(uid)).toSorted()).toEqual((Object.values(UIDS) as string[]).toSorted())
})

describe('a dashboard is refused that', () => {
  const text = JSON.stringify(committed.find(({ uid }) => uid === UIDS.task))
  const pipeline = JSON.stringify(committed.find(({ uid }) => uid === UIDS.pipeline))
  const replaced = (from: string, to: string, of = text): Dashboard => {
    expect(of).toMatch(from)
    return JSON.parse(of.replace(from, () => to)) as Dashboard
  }
  const changed = (change: (dashboard: Dashboard) => void): Dashboard => {
    const dashboard = JSON.parse(text) as Dashboard
    change(dashboard)
    return dashboard
  }
  const broken: Readonly<Record<string, readonly [problem: string, Dashboard]>> = {
    'has an address that stays': ['gets another uid', replaced('"uid":"afterglow-task"', '"uid":"x"')],
    'is Classic, read-only, and found by its tag': ['can be edited', replaced('"editable":false', '"editable":true')],
    'says of each panel what it is, what is good and what to do otherwise': [
      'does not say what is good',
      replaced('**Good:**', 'Well:'),
    ],
    'has a unit for each number': ['has no such unit', replaced('"unit":"ops"', '"unit":"furlong"')],
    'asks the data sources that are chosen': [
      'asks one data source',
      replaced('"uid":"${datasource}"', '"uid":"P123"'),
    ],
    'has no panel that asks nothing': [
      'has a panel without a query',
      changed((dashboard) => panelsOf(dashboard).forEach((panel) => (panel.targets = []))),
    ],
    'has no panel on another, and no hole beside one': ['moves a panel', replaced('"x":12,', '"x":11,')],
    'has no empty row': ['loses its panels', changed((dashboard) => dashboard.panels?.splice(1))],
    'can be narrowed down to environment, service and instance': [
      'has one service at a time',
      changed(({ templating }) => templating.list?.forEach((variable) => (variable.multi = false))),
    ],
    'colours only what is wrong': ['is green', replaced('"color":"text"', '"color":"green"')],
    'has links that lead somewhere, with what was chosen, the time and the task': [
      'leads nowhere',
      replaced('/d/afterglow-run?', '/d/afterglow-walk?'),
    ],
    'names columns that are there': [
      'renames a column',
      replaced('"afterglow_task_id":"Run"', '"afterglow_task_id":"Id"'),
    ],
    'asks for variables that are there': ['asks for a variable of another', replaced('$task', '$chore')],
    'asks what Grafana can parse': ['does not parse', replaced('sum by (', 'sum by ((')],
    'asks for metrics, labels and values that are emitted': [
      'asks for what is no metric',
      replaced('afterglow_task_retries_total', 'afterglow_task_retried_total'),
    ],
    'names in legends what the query keeps': [
      'sums the label away',
      replaced('sum by (afterglow_task_outcome)', 'sum by (afterglow_task_name)'),
    ],
    'heeds what is chosen, in every selector': [
      'asks every instance',
      replaced(String.raw`,instance=~\"$instance\"`, ''),
    ],
    'asks for windows that fit': ['has a window of its own', replaced('[$__rate_interval]', '[5m]')],
    'shows counters as sums': [
      'shows each series',
      replaced('sum by (afterglow_submission_result) (rate', '(avg_over_time'),
    ],
    'keeps the buckets of quantiles': [
      'sums the buckets away',
      replaced('histogram_quantile(0.5, sum by (le)', 'histogram_quantile(0.5, sum by (job)'),
    ],
    'asks for fields and events that are logged': [
      'asks for no event',
      replaced('afterglow.task.run.exception', 'afterglow.task.boom'),
    ],
    'asks for attributes that spans have': [
      'asks for no attribute',
      replaced('span.afterglow.task.outcome', 'span.afterglow.task.fate'),
    ],
  }

  test.each(Object.entries(broken).map(([rule, [how, dashboard]]) => [how, rule, dashboard] as const))(
    '%s: it breaks "%s"',
    (_how, name, dashboard) => {
      expect(rules[name]?.(dashboard, committed)).not.toEqual([])
    },
  )

  test('breaks any of the rules', () => {
    expect(Object.keys(broken).toSorted()).toEqual(Object.keys(rules).toSorted())
  })

  test('asks no collector in particular', () => {
    const any = replaced(String.raw`job=~\"$collector\"`, String.raw`job=\"x\"`, pipeline)
    expect(rules['heeds what is chosen, in every selector']?.(any, committed)).not.toEqual([])
  })
})

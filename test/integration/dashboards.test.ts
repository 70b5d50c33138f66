// Every PromQL of every dashboard, asked of a real Prometheus as Grafana would ask it: fed by the shop and a careless
// application through the real collector, and by a collector that can send nothing anywhere.
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboards } from '../../dashboards/build/dashboards.ts'
import { FOREIGN } from '../../dashboards/build/foreign.ts'
import { panelsOf } from '../../dashboards/build/model.ts'
import { config, UIDS } from '../../dashboards/config.ts'
import { askLogs, askSpans, labelsOf as labelsOfLine, selectedBy } from '../support/ask-exported.ts'
import { askedBy, type Asked } from '../support/dashboard-lint/queries.ts'
import { BUILD_MS, suiteWith } from '../support/collector.ts'
import { Incident } from '../support/incident.ts'
import { ask, EVERYTHING, substitute } from '../support/promql.ts'
import type { Series } from '../support/prometheus.ts'

jest.setTimeout(60_000)
const suite = suiteWith(['collector', 'prometheus'], import.meta.filename)
const all = dashboards(config)
/** Windows that hold all that happened, however long it took. */
const WHOLE = { __rate_interval: '5m', __interval: '4m', __range: '10m' }

suite('on a real Prometheus', () => {
  let incident: Incident

  beforeAll(async () => {
    incident = await Incident.record()
  }, BUILD_MS)
  afterAll(async () => {
    await incident?.[Symbol.asyncDispose]()
  })

  /** At each moment that something was going on, and for each task, until there is an answer. */
  async function answered(query: string, uid: string): Promise<readonly Series[]> {
    for (const time of incident.moments)
      for (const task of uid === UIDS.task ? incident.tasks : ['.*']) {
        const found = await ask(incident.prometheus, query, { variables: { ...WHOLE, task, collector: '.+' }, time })
        if (found.some(({ value }) => Number.isFinite(Number(value[1])))) return found
      }
    return []
  }

  describe.each(all.map((dashboard) => [dashboard.title, dashboard] as const))('%s', (_title, dashboard) => {
    const asked = askedBy(dashboard).filter(({ language }) => language === 'promql')
    // Queries that make one panel may be alike but for their legend.
    it.each(asked.map((one, at) => [`${one.panel} (${at})`, one] as const))('%s has an answer', async (_name, one) => {
      const found = await answered(one.query, String(dashboard.uid))
      expect(found).not.toEqual([])
      const labels = new Set(found.flatMap(({ metric }) => Object.keys(metric)))
      expect([...labels]).toEqual(expect.arrayContaining([...labelsOf(dashboard, one)]))
    })

    it.each(variablesOf(dashboard))('$%s has something to choose', async (_name, label, selector) => {
      const chosen = selector.replaceAll(/=~"\$\w+"/g, '=~".*"')
      expect(await incident.prometheus.labelValues(label, chosen)).not.toEqual([])
    })
  })

  const titled = all.map((dashboard) => [dashboard.title, dashboard] as const)
  describe.each(titled)('of lines and spans, %s', (_title, dashboard) => {
    const asked = askedBy(dashboard).filter(({ language }) => language !== 'promql')

    /** With the ids of each run that is worth looking at. */
    const found = ({ language, query }: Asked): readonly Row[] =>
      incident.choices.flatMap((chosen): readonly Row[] => {
        const asks = substitute(linesOf(query), { ...EVERYTHING, ...chosen })
        return language === 'logql'
          ? askLogs(asks, incident.lines).map(labelsOfLine)
          : askSpans(asks, incident.spans).map(({ attributes }) => attributes)
      })

    it.each(asked.map((one, at) => [`${one.panel} (${at})`, one] as const))('%s finds what it shows', (_name, one) => {
      const rows = found(one)
      expect(rows).not.toEqual([])
      const fields = new Set(rows.flatMap((row) => Object.keys(row)))
      const shown = one.language === 'logql' ? labelsOf(dashboard, one) : selectedBy(one.query)
      expect([...fields]).toEqual(expect.arrayContaining([...shown]))
    })
  })

  it.each(FOREIGN.map((metric) => [metric.name, metric] as const))(
    '%s is what others call it, with these labels',
    async (_name, { name, kind, labels }) => {
      const found = await incident.prometheus.query(
        `last_over_time(${kind === 'histogram' ? `${name}_bucket` : name}[10m])`,
      )
      const there = new Set(found.flatMap(({ metric }) => Object.keys(metric)))
      expect([...there]).toEqual(expect.arrayContaining([...labels]))
      expect(found).not.toEqual([])
    },
  )

  it('the numbers are those of what happened', async () => {
    const value = async (panel: string, legend: string): Promise<readonly string[]> => {
      const found = askedBy(all[0] as Dashboard).find((one) => one.panel === panel && one.legend === legend)
      return (await ask(incident.prometheus, found?.query ?? '', { variables: WHOLE })).map((series) => series.value[1])
    }
    expect(await value('Failures', 'lost')).toEqual([String(incident.interrupted)])
    expect(await value('Errors beside failures', 'swallowed')).toEqual(['1'])
    expect(await value('Errors beside failures', 'stray')).toEqual(['1'])
    expect(await value('Ledger balance', 'tasks')).toEqual(['0'])
  })
})

type Row = Readonly<Record<string, unknown>>

/** Of a query that counts lines, the lines. */
const linesOf = (query: string): string =>
  /count_over_time\((.*) \[|rate\((\{.*) \[/.exec(query)?.slice(1).find(Boolean) ?? query

/** The labels that the panel shows: those of its legend, and the columns of its table. */
function labelsOf(dashboard: Dashboard, { panel, legend, ref }: Asked): readonly string[] {
  const inLegend = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
  return [...inLegend, ...(ref === 'A' ? columnsOf(panelsOf(dashboard).find(({ title }) => title === panel)) : [])]
}

function columnsOf(panel: Panel | undefined): readonly string[] {
  const organize = panel?.transformations?.find(({ id }) => id === 'organize')?.options as
    | { readonly renameByName: Readonly<Record<string, string>> }
    | undefined
  return Object.keys(organize?.renameByName ?? {}).filter((name) => !/^(Value|Time)/.test(name))
}

function variablesOf({ templating }: Dashboard): readonly (readonly [name: string, label: string, selector: string])[] {
  return (templating.list ?? []).flatMap(({ name, definition }) => {
    const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? []
    return selector ? [[name, label, selector] as const] : []
  })
}

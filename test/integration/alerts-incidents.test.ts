// Recorded incidents of the shop in a real Prometheus: the right alert for each, and no other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { fill } from '../support/alerts/fill.ts'
import { alertNamed } from '../support/alerts/rule-files.ts'
import { firedIn, type Fired } from '../support/incidents/firing.ts'
import { INCIDENTS } from '../support/incidents/incidents.ts'
import { redPanels } from '../support/incidents/red-panels.ts'
import { loadIncidents, type Incidents, type LoadedIncident } from '../support/incidents/load.ts'
import { numbersOf, panelNamed, promqlOf, SHOWN } from '../support/incidents/panels.ts'
import { panelsOf, readDashboard } from '../support/dashboards.ts'
import { UIDS } from '../../dashboards/config.ts'
import { BUILD_MS, root, suiteWith } from '../support/collector.ts'

jest.setTimeout(60_000)
const runbooks = join(root, 'docs', 'runbooks')
const suite = suiteWith(['prometheus'], import.meta.filename)

suite('recorded incidents', () => {
  let incidents: Incidents

  beforeAll(async () => {
    incidents = await loadIncidents()
  }, BUILD_MS)
  afterAll(async () => {
    await incidents?.[Symbol.asyncDispose]()
  })

  describe.each(INCIDENTS)('$environment', ({ environment, fires, red }) => {
    let fired: readonly Fired[]
    const loaded = (): LoadedIncident => {
      const found = incidents.all.find((one) => one.environment === environment)
      if (!found) throw new Error(`${environment} was not loaded`)
      return found
    }

    beforeAll(async () => {
      fired = await firedIn(incidents.prometheus, loaded())
    }, BUILD_MS)

    it('fires what it should, and nothing else', () => {
      expect(fired.map(({ alert }) => alert).toSorted()).toEqual(fires.map(({ alert }) => alert).toSorted())
    })

    if (fires.length > 0)
      it.each(fires)(
        '$alert begins and ends in time, and names what it is about',
        ({ alert, begins, ends, labels }) => {
          const found = fired.find(
            (one) => one.alert === alert && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
          )
          expect(found).toBeDefined()
          const { from = -1, to = -1 } = found ?? {}
          expect({ from, within: begins, is: from >= begins[0] && from <= begins[1] }).toMatchObject({ is: true })
          expect({ to, within: ends, is: to >= ends[0] && to <= ends[1] }).toMatchObject({ is: true })
        },
      )

    if (fires.length > 0)
      it.each(fires)('the first queries of $alert find something then', async ({ alert, begins }) => {
        const { labels = {}, from = begins[1] } = fired.find((one) => one.alert === alert) ?? {}
        const [, ofPanel = ''] =
          /```promql\n(.*?)\n```/s.exec(readFileSync(join(runbooks, `${alert}.md`), 'utf8')) ?? []
        for (const query of [fill(alertNamed(alert).annotations['promql'] ?? '', labels), ofPanel])
          expect(await incidents.prometheus.query(query, loaded().at(from + 1))).not.toEqual([])
      })

    it('dashboards are red where it is wrong, and nowhere else', async () => {
      const { at, worst } = loaded()
      const looking = { environment, time: at(worst), task: 'send-welcome-email' }
      expect(await redPanels(incidents.prometheus, looking)).toEqual(red)
    })

    it.each(SHOWN[environment] ?? [])('$panel of $dashboard shows it', async (shows) => {
      const panel = panelNamed(await readDashboard(UIDS[shows.dashboard]), shows.panel)
      const numbers = await numbersOf(incidents.prometheus, panel, { incident: loaded(), ...shows })
      const { atLeast = -Infinity, atMost = Infinity, only } = shows
      expect(Math.max(...numbers)).toBeGreaterThanOrEqual(atLeast)
      expect(Math.min(...numbers)).toBeLessThanOrEqual(atMost)
      expect(numbers.filter((number) => only !== undefined && number !== only)).toEqual([])
    })

    it('is asked by every panel over three days', async () => {
      let answered = 0
      for (const uid of Object.values(UIDS))
        for (const panel of panelsOf(await readDashboard(uid))) {
          if (promqlOf(panel).length === 0) continue
          const numbers = await numbersOf(incidents.prometheus, panel, {
            incident: loaded(),
            task: 'send-.*',
            range: '3d',
          })
          if (numbers.length > 0) answered++
        }
      expect(answered).toBeGreaterThan(environment === 'dead-collector' ? 5 : 20)
    })

    it('balances its books at every minute', async () => {
      const one = loaded()
      const selector = `{deployment_environment_name="${environment}"}`
      const ledger = `sum by (instance) (afterglow_task_submissions_total${selector.replace('}', ',afterglow_submission_result=~"accepted|fetched"}')})
        - sum by (instance) (afterglow_task_settled_total${selector}) - sum by (instance) (afterglow_task_count${selector})`
      const balances = await incidents.prometheus.queryRange(ledger, {
        start: one.at(0),
        end: one.at(one.minutes),
        step: 60,
      })
      expect(balances.length).toBeGreaterThan(0)
      expect(balances.flatMap(({ values }) => values).filter(([, value]) => value !== '0')).toEqual([])
    })
  })
})

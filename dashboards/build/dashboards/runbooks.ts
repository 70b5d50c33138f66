// What to do about an alert: docs/runbooks as panels, so that they are where the alert leads to, in the version that fits.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { ALERTS, UIDS, type AlertName, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { text } from '../panels/others.ts'

const folder = join(import.meta.dirname, '../../../docs/runbooks')

export function runbooks(config: Config): Dashboard {
  const written = ALERTS.filter((alert) => existsSync(join(folder, `${alert}.md`)))
  return dashboard({
    config,
    uid: UIDS.runbooks,
    title: 'Runbooks',
    question: 'What does an alert mean, and what is to be done? An alert’s runbook link opens its panel alone.',
    rows: [{ title: 'One per alert', panels: written.map(runbook) }],
  })
}

/** Roughly as high as its text is long. Links between files lead nowhere in Grafana: what they say stays. */
function runbook(alert: AlertName) {
  const content = readFileSync(join(folder, `${alert}.md`), 'utf8').replaceAll(
    /\[([^\]]+)\]\((?!https?:)[^)]+\)/g,
    '$1',
  )
  const h = Math.min(40, Math.max(8, Math.ceil(content.split('\n').length * 0.7)))
  return text({ title: alert, content, w: 24, h })
}

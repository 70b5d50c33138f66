// What to do about an alert: docs/runbooks as panels, so that they are where the alert leads to, in the version that fits.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { ALERTS, runbookUrl, UIDS, type AlertName, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { text } from '../panels/others.ts'

const folder = join(import.meta.dirname, '../../../docs/runbooks')

export const runbooks = (config: Config): Dashboard =>
  dashboard({
    config,
    uid: UIDS.runbooks,
    title: 'Runbooks',
    question: 'What does an alert mean, and what is to be done? The runbook link of an alert opens its panel alone.',
    rows: [{ title: 'One per alert', panels: ALERTS.map((alert) => runbook(config, alert)) }],
  })

/** Roughly as high as its text is long. */
function runbook(config: Config, alert: AlertName) {
  const page = readFileSync(join(folder, `${alert}.md`), 'utf8')
  const h = Math.min(36, Math.max(10, Math.ceil(page.split('\n').length * 0.6)))
  return text({ title: alert, content: inGrafana(page, config), w: 24, h })
}

/**
 * A runbook names another by its file, which is a panel here; an address without a slash begins where Grafana does, which
 * may be below a path. Anything else is beside the runbooks, and not in Grafana.
 */
const inGrafana = (page: string, config: Config): string =>
  page
    .replace(/^# .*\n+/, '') // the panel has it as its title
    .replaceAll(/\]\((\w+)\.md\)/g, (link, name: string) =>
      (ALERTS as readonly string[]).includes(name)
        ? `](${runbookUrl(config, name as AlertName).replace(/^\//, '')})`
        : link,
    )
    .replaceAll(/\[([^\]]+)\]\((?!d\/|https?:)[^)]+\)/g, '$1')

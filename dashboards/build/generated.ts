// All that is generated, by its path below dashboards/. Provisioning joins the list here.
import type { Config } from '../config.ts'
import { dashboards } from './dashboards.ts'
import { ruleFiles } from './rules/files.ts'

export const generated = (config: Config): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    dashboards(config).map((dashboard) => [
      `grafana/${String(dashboard.uid)}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  ),
  ...ruleFiles(config),
})

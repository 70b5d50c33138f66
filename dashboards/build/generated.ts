// All that is generated, by its path below dashboards/. Rules and provisioning join the list here.
import type { Config } from '../config.ts'
import { dashboards } from './dashboards.ts'

export const generated = (config: Config): Readonly<Record<string, string>> =>
  Object.fromEntries(
    dashboards(config).map((dashboard) => [
      `grafana/${String(dashboard.uid)}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  )

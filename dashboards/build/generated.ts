// All that is generated, by its path below dashboards/.
import type { Config } from '../config.ts'
import { dashboards } from './dashboards.ts'
import { mixin } from './mixin.ts'
import { ruleFiles } from './rules/files.ts'

export function generated(config: Config): Readonly<Record<string, string>> {
  const files = { ...grafana(config), ...ruleFiles(config) }
  return { ...files, 'mixin.libsonnet': mixin(Object.keys(files)) }
}

const grafana = (config: Config): Readonly<Record<string, string>> =>
  Object.fromEntries(
    dashboards(config).map((dashboard) => [
      `grafana/${String(dashboard.uid)}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  )

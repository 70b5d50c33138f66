// Rule files as Prometheus reads them, by their path below dashboards/.
import { stringify } from 'yaml'
import type { Config } from '../../config.ts'
import { alertGroups } from './alerts.ts'
import { recordingGroups } from './recording.ts'

const HEAD = '# Made by `npm run dashboards` from dashboards/config.ts and src/telemetry/names.ts; do not edit.\n'

export const ruleFiles = (config: Config): Readonly<Record<string, string>> => ({
  'rules/afterglow-recording.yaml': yaml(
    'What alerts and dashboards share. Load it together with afterglow-alerts.yaml.',
    recordingGroups(config),
  ),
  'rules/afterglow-alerts.yaml': yaml('Alerts. They need what afterglow-recording.yaml records.', alertGroups(config)),
})

const yaml = (what: string, groups: readonly object[]): string =>
  `${HEAD}# ${what}\n${stringify({ groups }, { lineWidth: 0, blockQuote: 'literal', singleQuote: true })}`

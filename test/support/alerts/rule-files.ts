// The committed rule files, as data.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../collector.ts'

export interface CommittedAlert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly keep_firing_for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
export interface CommittedRecording {
  readonly record: string
  readonly expr: string
}
interface RuleFile<Rule> {
  readonly groups: readonly { readonly name: string; readonly interval: string; readonly rules: readonly Rule[] }[]
}

export const rulesFolder = join(root, 'dashboards', 'rules')
const read = <Rule>(name: string): RuleFile<Rule> =>
  parse(readFileSync(join(rulesFolder, name), 'utf8')) as RuleFile<Rule>

/** In the order in which they must be loaded: alerts need what is recorded. */
const names = ['afterglow-recording.yaml', 'afterglow-alerts.yaml'] as const
export const ruleFiles = names.map((name) => join(rulesFolder, name))
export const recordingGroups = read<CommittedRecording>(names[0]).groups
export const recordings = recordingGroups.flatMap(({ rules }) => rules)
const alertGroups = read<CommittedAlert>(names[1]).groups
export const groups = [...recordingGroups, ...alertGroups].map(({ name }) => name)
export const alerts = alertGroups.flatMap(({ rules }) => rules)
export const alertNames = alerts.map(({ alert }) => alert)

/** @throws Error if there is none of this name */
export function alertNamed(name: string): CommittedAlert {
  const found = alerts.find(({ alert }) => alert === name)
  if (!found) throw new Error(`no alert is called ${name}`)
  return found
}

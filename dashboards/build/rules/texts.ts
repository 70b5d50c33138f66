// Texts of alerts: templates that Prometheus fills in, written with short words in place of its own.
import * as names from '../../../src/telemetry/names.ts'
import { labelOf } from '../promql.ts'
import { ENVIRONMENT } from '../variables.ts'

const label = (attribute: string): string => `$labels.${labelOf(attribute)}`
const shown = (expression: string): string => `{{ ${expression} }}`

/** What texts may say of the alert: its labels, and its value in the three forms that values have. */
const WORDS: Readonly<Record<string, string>> = {
  task: shown(label(names.TASK_NAME)),
  outcome: shown(label(names.TASK_OUTCOME)),
  component: shown(label(names.COMPONENT)),
  engine: shown(label(names.ENGINE)),
  error: shown(label(names.ERROR_TYPE)),
  instance: shown('$labels.instance'),
  exporter: shown('$labels.exporter'),
  signal: shown('$labels.signal'),
  step: shown('$labels.step'),
  resource: shown('$labels.resource'),
  job: shown('$labels.job'),
  // A namespace stands before the name of a service in `job`, and nowhere in logs and traces.
  service: shown('$labels.job | reReplaceAll ".*/" ""'),
  where: `${shown('$labels.job')}{{ with ${label(ENVIRONMENT)} }} (${shown('.')}){{ end }}`,
  count: shown('$value | printf "%.0f"'),
  percent: shown('$value | humanizePercentage'),
  duration: shown('$value | humanizeDuration'),
}

/** @throws Error for a word that there is not */
export const say = (text: string): string =>
  text.replaceAll(/\{([a-z]+)\}/g, (_whole, word: string) => {
    const template = WORDS[word]
    if (template === undefined) throw new Error(`texts of alerts know no {${word}}`)
    return template
  })

export interface DashboardLink {
  readonly uid: string
  /** Which variable the alert's `job` is of: collectors have one of their own. @default 'job' */
  readonly job?: 'job' | 'collector'
  /** What is chosen there besides service and environment, by variable. */
  readonly choose?: Readonly<Record<string, string>>
  /** How much of the past is shown, such as `6h`. */
  readonly last: string
}

/** With service, environment and what the alert is about chosen, over the time that it is about. */
export function dashboardUrl(grafanaUrl: string, { uid, job = 'job', choose = {}, last }: DashboardLink): string {
  const environment = `{{ with ${label(ENVIRONMENT)} }}&var-environment=${encoded('.')}{{ end }}`
  const chosen = Object.entries(choose).map(([name, attribute]) => `&var-${name}=${encoded(label(attribute))}`)
  return `${grafanaUrl}/d/${uid}?var-${job}=${encoded('$labels.job')}${environment}${chosen.join('')}&from=now-${last}&to=now`
}

/** Prometheus has had a function for this only since 3.8: the characters that break a query, by hand. */
const encoded = (expression: string): string =>
  shown([expression, ...BREAKING.map(([pattern, code]) => `reReplaceAll "${pattern}" "${code}"`)].join(' | '))
const BREAKING = [
  ['%', '%25'],
  [' ', '%20'],
  ['&', '%26'],
  ['#', '%23'],
  ['[+]', '%2B'],
] as const

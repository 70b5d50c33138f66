// Selectors and the few idioms that dashboards and rules share. A metric is named by its constant of src/telemetry/names.ts
// and a label by its attribute, so that one that vanished there, or is not on this metric, fails the build.
import { labelOf, seriesOf } from '../../docs/build/prometheus-names.ts'
import type { MetricName } from '../../src/telemetry/names.ts'
import { ATTRIBUTES, METRICS } from '../../src/telemetry/names/registry.ts'

export { labelOf }

export interface Selection {
  /** Matchers on labels that are not the metric's own: of the job, the instance, the installation. */
  readonly scope: string
  /** By attribute: `{ [names.TASK_OUTCOME]: is('failed') }`. */
  readonly where?: Readonly<Record<string, Matcher>>
  /** Of a histogram. */
  readonly part?: 'bucket' | 'sum' | 'count'
}

export interface Matcher {
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly values: readonly string[]
}

export const is = (...values: readonly string[]): Matcher => ({ operator: values.length === 1 ? '=' : '=~', values })
export const isNot = (...values: readonly string[]): Matcher => ({
  operator: values.length === 1 ? '!=' : '!~',
  values,
})
/** Of a variable of the dashboard, or any other regular expression. */
export const matches = (pattern: string): Matcher => ({ operator: '=~', values: [pattern] })

/** @throws Error for a part, an attribute or a value that the registry does not have for this metric */
export function select(metric: MetricName, { scope, where = {}, part }: Selection): string {
  const info = METRICS.find(({ name }) => name === metric.name)
  if (!info) throw new Error(`${metric.name} is not in the registry of metrics`)
  const name = seriesOf(info).find((one) => (part ? one.endsWith(`_${part}`) : info.kind !== 'histogram'))
  if (name === undefined) throw new Error(`${metric.name} has no series ${part ?? 'of its own: choose a part'}`)
  const matchers = Object.entries(where).map(([attribute, { operator, values }]) => {
    if (![...info.always, ...info.sometimes].includes(attribute)) throw new Error(`${name} has no ${attribute}`)
    const known = ATTRIBUTES[attribute]?.values
    const unknown = values.filter((value) => known && !value.startsWith('$') && !known.includes(value))
    if (unknown.length > 0) throw new Error(`${attribute} is never ${unknown.join(' or ')}`)
    return `${labelOf(attribute)}${operator}"${values.join('|')}"`
  })
  return `${name}{${[scope, ...matchers].filter(Boolean).join(',')}}`
}

/** `sum by (a, b) (of)`, of attributes or of labels that Prometheus makes. */
export const sumBy = (attributes: readonly string[], of: string): string => aggregate('sum', attributes, of)
export const maxBy = (attributes: readonly string[], of: string): string => aggregate('max', attributes, of)
export const aggregate = (how: string, attributes: readonly string[], of: string): string =>
  attributes.length === 0 ? `${how}(${of})` : `${how} by (${attributes.map(labelOf).join(', ')}) (${of})`

// Names as Prometheus gives them to what it receives by OTLP, with its default strategy UnderscoreEscapingWithSuffixes.
import type { MetricInfo } from '../../src/telemetry/names/registry.ts'

export const labelOf = (attribute: string): string => attribute.replaceAll(/[^a-zA-Z0-9_]/g, '_')

/** The series of a metric: one, or those of a histogram. Units in braces leave no suffix. */
export function seriesOf({ name, kind, unit }: Pick<MetricInfo, 'name' | 'kind' | 'unit'>): readonly string[] {
  const withUnit = unit === 's' ? `${labelOf(name)}_seconds` : labelOf(name)
  if (kind === 'histogram') return ['bucket', 'sum', 'count'].map((part) => `${withUnit}_${part}`)
  return [kind === 'observable counter' ? `${withUnit}_total` : withUnit]
}

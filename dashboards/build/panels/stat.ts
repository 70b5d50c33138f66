// One number, or a few beside each other, as of the end of the time that is looked at.
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { MappingType, SpecialValueMatch, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { atTheEnd, type Line } from '../queries.ts'
import { PROMETHEUS } from '../variables.ts'
import { alarm, byThreshold, dressed, type Links, type Spec } from './common.ts'

export interface StatSpec extends Omit<Spec, 'queries'> {
  readonly lines: readonly Line[]
  readonly unit: string
  /** Red from here. */
  readonly alarmAbove?: number
  /** Red below this. */
  readonly alarmBelow?: number
  readonly decimals?: number
  /** By the name of a line that differs from the others. */
  readonly own?: Readonly<Record<string, { readonly unit?: string; readonly alarmAbove?: number }>>
  /** What to say when there is no value at all: in red, since zero is a value. */
  readonly noValue: string
  /** It is no fault that there is no value. @default false */
  readonly mayBeMissing?: boolean
  /** What a click leads to. */
  readonly dataLinks?: Links
}

export function stat(spec: StatSpec): PanelBuilder {
  const { lines, alarmAbove, alarmBelow, decimals, dataLinks } = spec
  const panel = dressed(new PanelBuilder(), { ...spec, queries: atTheEnd(lines) }, PROMETHEUS)
    .unit(spec.unit)
    .colorScheme(byThreshold())
    .thresholds(alarm(alarmAbove, { below: alarmBelow }))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .textMode(isNamed(lines) ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .noValue(spec.noValue)
    .mappings([nothing(spec)])
  if (decimals !== undefined) panel.decimals(decimals)
  if (dataLinks) panel.dataLinks([...dataLinks])
  for (const [name, { unit, alarmAbove: from }] of Object.entries(spec.own ?? {}))
    panel.overrideByName(name, [
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(from === undefined ? [] : [{ id: 'thresholds', value: alarm(from).build() }]),
    ])
  return panel
}

/** One number has the name of its panel, unless it is that of a series. */
const isNamed = (lines: readonly Line[]): boolean =>
  lines.length > 1 || lines.some(([, legend]) => legend.includes('{{'))

const nothing = ({ noValue: text, mayBeMissing = false }: StatSpec): ValueMapping => ({
  type: MappingType.SpecialValue,
  options: {
    match: SpecialValueMatch.NullAndNan,
    result: { text, color: mayBeMissing ? 'text' : 'red', index: 0 },
  },
})

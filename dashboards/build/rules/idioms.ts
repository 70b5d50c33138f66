// What PromQL has no word for. Rules are made of these; promtool tests each where it is used.
import * as names from '../../../src/telemetry/names.ts'
import { aggregate, labelOf } from '../promql.ts'
import { ENVIRONMENT } from '../variables.ts'

/** By what rules sum. An environment is a label only where the resource names one. */
export const SERVICE = ['job', ENVIRONMENT] as const
export const INSTANCE = [...SERVICE, 'instance'] as const
export const TASK = [...SERVICE, names.TASK_NAME] as const

/** `on (a, b)`, of attributes or of labels that Prometheus makes. */
export const on = (labels: readonly string[]): string => `on (${labels.map(labelOf).join(', ')})`
export const group = (labels: readonly string[], of: string): string => aggregate('group', labels, of)

/** How far back the value before a window is looked for: a pipeline that stood still for less invents nothing. */
const BEFORE = '1h'

/**
 * By how much each series of a counter grew within `range`, in whole numbers: a series that was born within it counts from
 * zero, and one that ended within it still counts. `increase()` does neither: it takes the first value it sees for the
 * start, and guesses at the edges. It is right only for a series that began anew, such as one of an instance that keeps its id.
 * Of consecutive windows the sum is what one window over all of them would say.
 */
export const gained = (series: string, range: string): string =>
  `increase(${series}[${range}]) and resets(${series}[${range}]) > 0
or
last_over_time(${series}[${range}])
  - (last_over_time(${series}[${BEFORE}] offset ${range}) <= last_over_time(${series}[${range}]) or 0 * last_over_time(${series}[${range}]))`

export const gainedBy = (labels: readonly string[], series: string, range: string): string =>
  `sum by (${labels.map(labelOf).join(', ')}) (
${indented(gained(series, range))}
)`

/**
 * The number that a label says. Nothing in PromQL turns text into a number, but for the bounds of a histogram: one whose
 * only bound is the label's value has its highest quantile there. Of several values of a task, the lowest.
 */
export function numberOf(series: string, label: string, by: readonly string[]): string {
  const bound = (value: string, from: string, pattern: string): string =>
    `label_replace(${series}, "le", "${value}", "${from}", "${pattern}")`
  return `histogram_quantile(1, max by (${[...by.map(labelOf), 'le'].join(', ')}) (
  ${bound('$1', label, '(.+)')}
  or
  ${bound('+Inf', '', '')}
))`
}

export const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')

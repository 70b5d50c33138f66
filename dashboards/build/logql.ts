// Selectors of log lines. Loki has attributes as structured metadata, dots as underscores.
import { ATTRIBUTES, LOGS } from '../../src/telemetry/names/registry.ts'
import { labelOf, type Matcher } from './promql.ts'
import { ENVIRONMENT } from './variables.ts'

export interface LineSelection {
  /** Of these events; of any line at all if there are none. */
  readonly events?: readonly string[]
  /** By attribute. */
  readonly where?: Readonly<Record<string, Matcher>>
}

/** @throws Error for an event or an attribute that the registry does not have */
export function logql({ events = [], where = {} }: LineSelection): string {
  const infos = LOGS.filter(({ event }) => events.length === 0 || events.includes(event))
  if (events.some((event) => !infos.some((info) => info.event === event)))
    throw new Error(`not every one of ${events.join(', ')} is an event`)
  const carried = new Set(infos.flatMap(({ always, sometimes }) => [...always, ...sometimes]))
  const filters = Object.entries(where).map(([attribute, { operator, values }]) => {
    if (!carried.has(attribute)) throw new Error(`${attribute} is on no line of ${events.join(', ')}`)
    const known = ATTRIBUTES[attribute]?.values
    if (known && values.some((value) => !value.startsWith('$') && !known.includes(value)))
      throw new Error(`${attribute} is never one of ${values.join(', ')}`)
    return `${labelOf(attribute)}${operator}"${values.join('|')}"`
  })
  const named = events.length === 1 ? [`event_name="${events[0]}"`] : [`event_name=~"${events.join('|')}"`]
  const all = [...(events.length > 0 ? named : []), ...filters, `${ENVIRONMENT}=~"$environment"`]
  return [`{service_name=~"$service"}`, ...all].join(' | ')
}

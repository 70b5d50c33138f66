// When alerts would have fired, over what is recorded: each expression asked of Prometheus minute by minute, and `for` and
// `keep_firing_for` applied as Prometheus does.
import { alerts, type CommittedAlert } from '../alerts/rule-files.ts'
import type { Prometheus } from '../prometheus.ts'
import type { LoadedIncident } from './load.ts'

export interface Fired {
  readonly alert: string
  readonly labels: Readonly<Record<string, string>>
  /** The first minute of it, and the last. */
  readonly from: number
  readonly to: number
}

export async function firedIn(prometheus: Prometheus, incident: LoadedIncident): Promise<readonly Fired[]> {
  const range = { start: incident.at(0), end: incident.at(incident.minutes), step: 60 }
  const fired: Fired[] = []
  for (const alert of alerts)
    for (const { metric, values } of await prometheus.queryRange(alert.expr, range)) {
      // Those of another environment are another incident; a collector is of none.
      if ((metric['deployment_environment_name'] ?? incident.environment) !== incident.environment) continue
      const minutes = values.map(([time]) => Math.round((time - range.start) / 60))
      const labels = { ...metric, ...alert.labels }
      fired.push(...firing(minutes, alert).map(([from, to]) => ({ alert: alert.alert, labels, from, to })))
    }
  return fired
}

/** @param minutes those in which the expression holds */
export function firing(
  minutes: readonly number[],
  { for: pending, keep_firing_for: kept }: Pick<CommittedAlert, 'for' | 'keep_firing_for'>,
): readonly (readonly [number, number])[] {
  const spells: [number, number][] = []
  for (const minute of minutes) {
    const last = spells.at(-1)
    if (last && minute === last[1] + 1) last[1] = minute
    else spells.push([minute, minute])
  }
  const began = spells.map(([from, to]) => [from + minutesOf(pending), to] as const).filter(([from, to]) => from <= to)
  return began.map(([from, to]) => [from, to + minutesOf(kept)] as const)
}

const minutesOf = (duration = '0m'): number => {
  const [, count, unit] = /^(\d+)([mh])$/.exec(duration) ?? []
  if (count === undefined) throw new Error(`${duration} is not in minutes or hours`)
  return Number(count) * (unit === 'h' ? 60 : 1)
}

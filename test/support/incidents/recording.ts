// Series with their samples, and the text that `promtool tsdb create-blocks-from openmetrics` makes blocks of.
import type { Sampled } from '../alerts/fleet.ts'

type Labels = Readonly<Record<string, string>>

export interface Recorded {
  readonly name: string
  readonly labels: Labels
  /** By minute of the incident; it may begin before it. */
  readonly points: readonly (readonly [minute: number, value: number])[]
}

export class Recording {
  readonly #own: Labels
  readonly #all = new Map<string, { name: string; labels: Labels; points: [number, number][] }>()

  /** @param own labels that all series have */
  constructor(own: Labels) {
    this.#own = own
  }

  add(minute: number, values: readonly { name: string; labels: Labels; value: number }[]): void {
    for (const { name, labels, value } of values) {
      const key = `${name} ${JSON.stringify(labels)}`
      let series = this.#all.get(key)
      if (!series) this.#all.set(key, (series = { name, labels: { ...this.#own, ...labels }, points: [] }))
      series.points.push([minute, value])
    }
  }

  all(): readonly Recorded[] {
    return [...this.#all.values()]
  }
}

/** What a model says, for what the shop itself does not export. */
export const recordedOf = ({ name, labels, values }: Sampled): Recorded => ({
  name,
  labels,
  points: values.flatMap((value, minute) => (value === undefined ? [] : [[minute, value] as const])),
})

/** @param zero Unix seconds of minute 0 */
export function openMetrics(parts: readonly { readonly zero: number; readonly series: readonly Recorded[] }[]): string {
  const lines = new Map<number, string[]>()
  for (const { zero, series } of parts)
    for (const { name, labels, points } of series) {
      const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      const head = `${name}{${pairs.join(',')}}`
      for (const [minute, value] of points) {
        const time = zero + minute * 60
        let at = lines.get(time)
        if (!at) lines.set(time, (at = []))
        at.push(`${head} ${value} ${time}\n`)
      }
    }
  const sorted = [...lines].toSorted(([a], [b]) => a - b)
  return `${sorted.map(([, at]) => at.join('')).join('')}# EOF\n`
}

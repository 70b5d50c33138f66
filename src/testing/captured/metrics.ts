import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
} from '@opentelemetry/api'

/** One series of a metric. */
export interface CapturedPoint {
  readonly name: string
  readonly unit: string
  readonly attributes: Readonly<Attributes>
  /** Of a histogram, the sum of what was recorded, in its unit. */
  readonly value: number
  /** Of a histogram, how often it was recorded. */
  readonly count?: number
}
interface Point {
  name: string
  unit: string
  attributes: Attributes
  value: number
  count?: number
}

/** Stands for a meter provider; the numbers are those that an SDK would export now. */
export class SpyMeters implements MeterProvider {
  readonly #recorded = new Map<string, Point>()
  readonly #callbacks = new Map<BatchObservableCallback, readonly Observable[]>()
  readonly #observables = new Map<Observable, { readonly name: string; readonly unit: string }>()

  getMeter(): Meter {
    const recording = (name: string, { unit = '' }: MetricOptions = {}) => ({
      record: (value: number, attributes: Attributes = {}) => this.#add({ name, unit, attributes, value, count: 1 }),
      add: (value: number, attributes: Attributes = {}) => this.#add({ name, unit, attributes, value }),
    })
    const observable = (name: string, { unit = '' }: MetricOptions = {}): Observable => {
      const made: Observable = { addCallback: nothing, removeCallback: nothing }
      this.#observables.set(made, { name, unit })
      return made
    }
    // The API's own generics say of each which attributes it takes; these take any.
    return {
      createGauge: recording,
      createHistogram: recording,
      createCounter: recording,
      createUpDownCounter: recording,
      createObservableGauge: observable,
      createObservableCounter: observable,
      createObservableUpDownCounter: observable,
      addBatchObservableCallback: (callback: BatchObservableCallback, observed: Observable[]) =>
        void this.#callbacks.set(callback, observed),
      removeBatchObservableCallback: (callback: BatchObservableCallback) => void this.#callbacks.delete(callback),
    } as Meter
  }

  points(): readonly CapturedPoint[] {
    const observed: CapturedPoint[] = []
    const observe = (metric: Observable, value: number, attributes: Attributes = {}): void => {
      const known = this.#observables.get(metric)
      if (known) observed.push({ ...known, attributes, value })
    }
    for (const callback of this.#callbacks.keys()) void callback({ observe })
    return [...this.#recorded.values(), ...observed]
  }

  #add({ name, unit, attributes, value, count }: Point): void {
    const key = JSON.stringify([name, Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))])
    let point = this.#recorded.get(key)
    if (!point) this.#recorded.set(key, (point = { name, unit, attributes: { ...attributes }, value: 0 }))
    point.value += value
    if (count !== undefined) point.count = (point.count ?? 0) + count
  }
}

const nothing = (): void => undefined

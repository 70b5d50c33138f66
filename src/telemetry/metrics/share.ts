import { createNoopMeter, metrics, type MeterProvider } from '@opentelemetry/api'
import { systemClock, type Timer } from '../../core/clock.ts'
import * as names from '../names.ts'
import { AttemptAttributeSets } from './attempt-attributes.ts'
import { ErrorTypes } from './error-types.ts'
import { Failures } from './failures.ts'
import { makeInstruments, type Instruments, type Readings } from './instruments.ts'
import { Stores } from './stores.ts'
import { Sources, type MetricsSource, type Totals } from './sources.ts'

const LOOK_AGAIN_MS = 1_000

/**
 * What all runners of a process share: one set of instruments, and what they counted. A meter taken before an SDK started
 * stays a no-op for ever, so the provider is compared again at each add, and by a timer until a real one appears.
 */
export class Share implements Readings {
  readonly version: string
  readonly types = new ErrorTypes()
  readonly attempts = new AttemptAttributeSets(this.types)
  readonly failures = new Failures()
  readonly sources = new Sources()
  readonly #stores = new Stores()
  readonly componentErrors: Record<string, number> = Object.fromEntries(names.COMPONENTS.map((one) => [one, 0]))
  provider: MeterProvider | undefined
  /** Undefined as long as no SDK is there. */
  instruments: Instruments | undefined
  readonly #only: MeterProvider | undefined
  #timer: Timer | undefined

  /** With `only`, for that provider instead of the SDK's. */
  constructor(version: string, only?: MeterProvider) {
    this.version = version
    this.#only = only
  }

  open(source: MetricsSource): void {
    this.sources.add(source)
    this.look()
  }

  close(source: MetricsSource): void {
    this.sources.remove(source)
    if (this.sources.size === 0) this.#stopLooking()
  }

  stores(): ReturnType<Stores['look']> {
    return this.#stores.look(this.sources.stores)
  }

  totals(): Totals {
    return this.sources.totals()
  }

  look(): void {
    const provider = this.#only ?? metrics.getMeterProvider()
    if (provider !== this.provider) {
      this.provider = provider
      this.instruments?.stop()
      const meter = provider.getMeter(names.SCOPE_NAME, this.version)
      this.instruments = meter === createNoopMeter() ? undefined : makeInstruments(meter, this)
    }
    if (this.instruments || this.sources.size === 0) return this.#stopLooking()
    this.#timer ??= systemClock.setTimer(() => {
      this.#timer = undefined
      this.look()
    }, LOOK_AGAIN_MS)
    this.#timer.unref()
  }

  #stopLooking(): void {
    this.#timer?.close()
    this.#timer = undefined
  }
}

/** An ES module and a CommonJS copy of one version share it; copies of two versions have a scope each. */
export function shareOf(version: string): Share {
  const key = Symbol.for(`koa-afterglow.metrics@${version}`)
  const place = globalThis as { [key]?: Share }
  return (place[key] ??= new Share(version))
}

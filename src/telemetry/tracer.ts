import type { Tracer, TracerProvider } from '@opentelemetry/api'
import * as names from './names.ts'
import { currentProvider } from './provider.ts'

/** Puts something round the tracer of an SDK, or in the place of none. */
export type WatchTracer = (real: Tracer | undefined) => Tracer

/** The tracer of the SDK that is there now, whenever that started. */
export class CurrentTracer {
  readonly #version: string
  #provider: TracerProvider | undefined
  readonly #watch: WatchTracer | undefined
  #tracer: Tracer | undefined

  constructor(version: string, watch?: WatchTracer) {
    this.#version = version
    this.#watch = watch
    this.#tracer = watch?.(undefined)
  }

  /** Without an SDK none: a span would cost little, but the promise round the attempt does not. */
  get(): Tracer | undefined {
    const provider = currentProvider()
    if (provider !== this.#provider) {
      this.#provider = provider
      const tracer = provider?.getTracer(names.SCOPE_NAME, this.#version)
      this.#tracer = this.#watch ? this.#watch(tracer) : tracer
    }
    return this.#tracer
  }
}

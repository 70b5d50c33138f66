import type { Tracer, TracerProvider } from '@opentelemetry/api'
import * as names from './names.ts'
import { currentProvider } from './provider.ts'

/** The tracer of the SDK that is there now, whenever that started. */
export class CurrentTracer {
  readonly #version: string
  #provider: TracerProvider | undefined
  #tracer: Tracer | undefined

  constructor(version: string) {
    this.#version = version
  }

  /** Without an SDK none: a span would cost little, but the promise round the attempt does not. */
  get(): Tracer | undefined {
    const provider = currentProvider()
    if (provider !== this.#provider) {
      this.#provider = provider
      this.#tracer = provider?.getTracer(names.SCOPE_NAME, this.#version)
    }
    return this.#tracer
  }
}

import { ProxyTracerProvider, trace } from '@opentelemetry/api'
import type { Tracer, TracerProvider } from '@opentelemetry/api'
import * as names from './names.ts'

/** What a tracer provider delegates to before an SDK has registered. */
const NO_SDK = new ProxyTracerProvider().getDelegate()

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

/** The provider that spans go to now, or undefined before an SDK has registered. */
function currentProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider()
  if (!(provider instanceof ProxyTracerProvider)) return provider
  const delegate = provider.getDelegate()
  return delegate === NO_SDK ? undefined : delegate
}

import { ProxyTracerProvider, trace } from '@opentelemetry/api'
import type { TracerProvider } from '@opentelemetry/api'

/** What a tracer provider delegates to before an SDK has registered. */
const NO_SDK = new ProxyTracerProvider().getDelegate()

/** The provider that spans go to now, or undefined before an SDK has registered. */
export function currentProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider()
  if (!(provider instanceof ProxyTracerProvider)) return provider
  const delegate = provider.getDelegate()
  return delegate === NO_SDK ? undefined : delegate
}

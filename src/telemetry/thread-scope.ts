// A thread's side of telemetry. There is no SDK there unless the application starts one: each would cost as much as the main
// thread's, export under the same name, and lose what it has not sent when its thread is ended.
import { AsyncLocalStorage } from 'node:async_hooks'
import { context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Context, ContextManager } from '@opentelemetry/api'
import { currentProvider } from './provider.ts'
import { contextFrom, plain, type Carried, type PlainSpanContext } from './thread-carrier.ts'
import { SHIP, ShippingTracerProvider } from './thread-spans.ts'

export const threadScope = {
  /** Runs `work` with the attempt's span and baggage in `context.active()`. Spans made in it are shipped when they end. */
  run<R>(carried: unknown, ship: (seen: unknown) => void, work: () => R): R {
    if (!carried) return work()
    register()
    return context.with(contextFrom(carried as Carried).setValue(SHIP, ship), work)
  },
  async flush(): Promise<void> {
    const providers = [currentProvider(), metrics.getMeterProvider()] as readonly Flushable[]
    await Promise.allSettled(providers.map(async (provider) => provider?.forceFlush?.()))
  },
  where(): PlainSpanContext | undefined {
    const spanContext = trace.getSpanContext(context.active())
    return spanContext && plain(spanContext)
  },
}

/** What the API does not know of an SDK's providers. */
type Flushable = { forceFlush?(): Promise<void> } | undefined

/** Unless an SDK of the application's runs on this thread: what it makes, it exports itself. */
function register(): void {
  if (currentProvider()) return
  trace.setGlobalTracerProvider(new ShippingTracerProvider())
  context.setGlobalContextManager(new StoreContextManager())
}

class StoreContextManager implements ContextManager {
  readonly #store = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#store.getStore() ?? ROOT_CONTEXT
  }

  // size: the API's own signature
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#store.run(active, () => run.apply(thisArg, args))
  }

  bind<T>(active: Context, target: T): T {
    if (typeof target !== 'function') return target
    const store = this.#store
    return function (this: unknown, ...args: unknown[]) {
      return store.run(active, () => Reflect.apply(target, this, args) as unknown)
    } as T
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#store.disable()
    return this
  }
}

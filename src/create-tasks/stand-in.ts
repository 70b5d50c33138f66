import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MeterProvider, Tracer } from '@opentelemetry/api'
import type { Engine } from '../core/engine.ts'
import type { TaskObserver } from '../core/observer.ts'
import type { Logger, RequestFacts, TaskContext } from '../core/task.ts'

/**
 * What `koa-afterglow/testing` puts behind an application's `tasks` object for the length of a test: a runner composed from
 * the same options, with these engines in place of the real ones and with these to look on.
 */
export interface StandIn {
  engineFor(real: Engine): Engine
  readonly observer: TaskObserver
  /** Gets every line that the application's own logger gets. */
  readonly logger: Logger
  /** Put round `task.log`. */
  watchLog(log: Logger, task: TaskContext): Logger
  /** Put round the tracer of the SDK, if one is there. */
  readonly watchTracer: (real: Tracer | undefined) => Tracer
  /** Has instruments of its own on the same numbers. */
  readonly meters: MeterProvider
  /** A request begins. */
  readonly served: (exchange: Exchange, facts: RequestFacts) => void
}
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

export interface StandingIn {
  /** Resolves once no hook runs and no service is being disposed. */
  idle(): Promise<void>
  /** The `tasks` object stands for its own runner again, at once. What has not ended is cancelled; resolves once all is let go. */
  end(): Promise<void>
}

/** By a symbol, since the tests may load another copy of this package than the application (ES module and CommonJS). */
export const STAND_IN = Symbol.for('koa-afterglow.stand-in')

/** Every `tasks` object, for whoever knows the symbol: its types do not tell. */
export interface Replaceable {
  /** @throws InvalidOptionError while another stands in */
  [STAND_IN](standIn: StandIn): StandingIn
}

import type { AbortCause } from './outcome.ts'
import type { ActiveContext } from './tracing.ts'

/** The attempt that runs now, as far as others may meddle with it. */
export interface Running {
  readonly active: ActiveContext | undefined
  /** By the engine's clock. */
  readonly startedAt: number
  /** Aborts its signal; it then has until `until` to end before it counts as stuck. */
  abort(cause: AbortCause, why: string, until: number): void
  /** Ends it, whatever it still does. */
  letGo(): void
}

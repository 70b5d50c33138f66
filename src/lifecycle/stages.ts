import type { Signals } from './signals.ts'

/**
 * Where a shutdown is. `unready`: it says so and serves on; `server`: requests being served finish; `tasks`: they end;
 * `closing`: `onClosed`; `telemetry`: what is left is sent; `done`.
 */
export type ShutdownStage = 'unready' | 'server' | 'tasks' | 'closing' | 'telemetry' | 'done'

export type OnStage = (stage: ShutdownStage, msLeft: number) => void

/** One after the other; a signal aborts the one that goes on. */
export class Stages {
  readonly #deadline: number
  readonly #onStage: OnStage | undefined
  #threw: { readonly value: unknown } | undefined
  #current = new AbortController()

  constructor(signals: Signals, deadline: number, onStage: OnStage | undefined) {
    this.#deadline = deadline
    this.#onStage = onStage
    const again = (): void => {
      this.#current.abort()
      void signals.next().then(again)
    }
    void signals.next().then(again)
  }

  get msLeft(): number {
    return Math.max(0, this.#deadline - performance.now())
  }

  enter(stage: ShutdownStage): AbortSignal {
    this.#current = new AbortController()
    try {
      this.#onStage?.(stage, Math.round(this.msLeft))
    } catch (value) {
      this.#threw ??= { value }
    }
    return this.#current.signal
  }

  rethrow(): void {
    if (this.#threw) throw this.#threw.value
  }
}

/** Until `work` is done, `ms` are over or `skip` is aborted. What `work` throws is thrown while it is waited for. */
export async function atMost(work: Promise<unknown>, ms: number, skip: AbortSignal): Promise<void> {
  const enough = Promise.withResolvers<void>()
  const timer = setTimeout(enough.resolve, ms)
  skip.addEventListener('abort', () => enough.resolve())
  try {
    await Promise.race([work, enough.promise])
  } finally {
    clearTimeout(timer)
  }
}

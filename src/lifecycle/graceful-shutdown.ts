import { InvalidOptionError } from '../core/errors.ts'
import { inspector } from '../core/inspection.ts'
import { ServerEnd, type ClosableServer } from './close-server.ts'
import { DEFAULT_DEADLINE_MS, type DrainOptions, type DrainReport } from './drain.ts'
import { listenFor, type Signals } from './signals.ts'

export type { ClosableServer }

/**
 * Where a shutdown is. `unready`: it says so and serves on; `server`: requests being served finish; `tasks`: they end;
 * `closing`: `onClosed`; `telemetry`: what is left is sent; `done`.
 */
export type ShutdownStage = 'unready' | 'server' | 'tasks' | 'closing' | 'telemetry' | 'done'

export interface ShutdownOptions {
  readonly server: ClosableServer
  readonly tasks: { close(options?: DrainOptions): Promise<DrainReport>; unready?(): void }
  /** Flushed last, capped at 3 s, whatever the collector does: an OpenTelemetry SDK, or anything with `shutdown()`. */
  readonly telemetry?: { shutdown(): Promise<unknown> }
  /**
   * Milliseconds to go on serving after `/readyz` said no, until whoever sends requests has noticed: 5,000 on Kubernetes, 0
   * where nobody looks. @default 0
   */
  readonly readyDelayMs?: number
  /** Milliseconds for everything, telemetry too. Below what whoever sends the signal waits before it kills. @default 25000 */
  readonly deadlineMs?: number
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /** Runs at the start of each stage, with the milliseconds left. What it throws is thrown at the end. */
  readonly onStage?: (stage: ShutdownStage, msLeft: number) => void
  /** Runs with the report before telemetry ends: the place for one line, or for closing what the app opened. */
  readonly onClosed?: (report: DrainReport) => void | Promise<void>
}

const TELEMETRY_MS = 3_000

/**
 * Waits for a signal, then: says at `/readyz` that it is not ready, and serves on for `readyDelayMs`; takes no new connections
 * and lets requests being served finish, which may still add tasks, for at most half of the time that is left; drains tasks;
 * flushes telemetry. A further signal moves on to the next stage. Resolves with the report; the process then ends by itself,
 * or by the caller's `process.exit()`.
 * @throws InvalidOptionError; what `onStage` or `onClosed` threw, once everything else is done
 */
export async function gracefulShutdown(options: ShutdownOptions): Promise<DrainReport> {
  const { deadlineMs = DEFAULT_DEADLINE_MS, readyDelayMs = 0, signals: names = ['SIGTERM', 'SIGINT'] } = options
  check({ deadlineMs, readyDelayMs })
  inspector()?.shutdown({ deadlineMs, signals: names, telemetry: options.telemetry !== undefined })
  const server = new ServerEnd(options.server)
  const signals = listenFor(names)
  await signals.next()
  const stages = new Stages(signals, performance.now() + deadlineMs, options.onStage)
  try {
    return await shutDown({ ...options, readyDelayMs }, server, stages)
  } finally {
    stages.enter('done')
    signals.stop()
    stages.rethrow()
  }
}

function check({ deadlineMs, readyDelayMs }: { readonly deadlineMs: number; readonly readyDelayMs: number }): void {
  if (!(deadlineMs > 0))
    throw new InvalidOptionError(`gracefulShutdown: expected \`deadlineMs\` to be positive, got ${deadlineMs}`)
  if (!(readyDelayMs >= 0 && readyDelayMs < deadlineMs))
    throw new InvalidOptionError(
      `gracefulShutdown: expected \`readyDelayMs\` to be a part of \`deadlineMs\` (${deadlineMs}), got ${readyDelayMs}`,
    )
}

async function shutDown(
  { tasks, telemetry, onClosed, readyDelayMs }: ShutdownOptions & { readonly readyDelayMs: number },
  server: ServerEnd,
  stages: Stages,
): Promise<DrainReport> {
  const forTelemetry = telemetry ? Math.min(TELEMETRY_MS, stages.msLeft / 2) : 0
  const left = () => Math.max(1, stages.msLeft - forTelemetry)

  const unready = stages.enter('unready')
  tasks.unready?.()
  server.askToLeave()
  if (readyDelayMs > 0) await atMost(new Promise(() => {}), readyDelayMs, unready)

  await atMost(server.close(), left() / 2, stages.enter('server'))
  server.cut()
  const report = await tasks.close({ deadlineMs: left(), signal: stages.enter('tasks') })
  try {
    await atMost(Promise.resolve(onClosed?.(report)), left(), stages.enter('closing'))
  } finally {
    if (telemetry) await atMost(flushed(telemetry), TELEMETRY_MS, stages.enter('telemetry'))
  }
  return report
}

/** One after the other; a signal aborts the one that goes on. */
class Stages {
  readonly #deadline: number
  readonly #onStage: ShutdownOptions['onStage']
  #threw: { readonly value: unknown } | undefined
  #current = new AbortController()

  constructor(signals: Signals, deadline: number, onStage: ShutdownOptions['onStage']) {
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

async function flushed(telemetry: NonNullable<ShutdownOptions['telemetry']>): Promise<void> {
  try {
    await telemetry.shutdown()
  } catch {
    // What telemetry could not send, it has said itself.
  }
}

/** Until `work` is done, `ms` are over or `skip` is aborted. What `work` throws is thrown while it is waited for. */
async function atMost(work: Promise<unknown>, ms: number, skip: AbortSignal): Promise<void> {
  const enough = Promise.withResolvers<void>()
  const timer = setTimeout(enough.resolve, ms)
  skip.addEventListener('abort', () => enough.resolve())
  try {
    await Promise.race([work, enough.promise])
  } finally {
    clearTimeout(timer)
  }
}

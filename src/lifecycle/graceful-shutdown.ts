import type { Server } from 'node:net'
import { InvalidOptionError } from '../core/errors.ts'
import { inspector } from '../core/inspection.ts'
import { DEFAULT_DEADLINE_MS, type DrainOptions, type DrainReport } from './drain.ts'

/** Any HTTP server of Node's, over TLS and HTTP/2 too. */
export type ClosableServer = Server & { closeIdleConnections?(): void; closeAllConnections?(): void }

export interface ShutdownOptions {
  readonly server: ClosableServer
  readonly tasks: { close(options?: DrainOptions): Promise<DrainReport> }
  /** Flushed last, capped at 3 s, whatever the collector does: an OpenTelemetry SDK, or anything with `shutdown()`. */
  readonly telemetry?: { shutdown(): Promise<unknown> }
  /** Covers everything, telemetry too. @default 25000 */
  readonly deadlineMs?: number
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /** Runs with the report before the process may end: the place for one line, or for closing what the app opened. */
  readonly onClosed?: (report: DrainReport) => void | Promise<void>
}

const TELEMETRY_MS = 3_000
const SAME_SIGNAL_MS = 500

/**
 * Waits for a signal, then: the server takes no new connections and lets idle ones go, requests being served finish and
 * may still add tasks, tasks finish, telemetry is flushed. Resolves with the report; the process then ends by itself, or
 * by the caller's `process.exit()`. A second signal cuts the waiting short.
 */
export async function gracefulShutdown(options: ShutdownOptions): Promise<DrainReport> {
  const {
    server,
    tasks,
    telemetry,
    deadlineMs = DEFAULT_DEADLINE_MS,
    signals = ['SIGTERM', 'SIGINT'],
    onClosed,
  } = options
  if (!(deadlineMs > 0))
    throw new InvalidOptionError(`gracefulShutdown: expected \`deadlineMs\` to be positive, got ${deadlineMs}`)
  inspector()?.shutdown({ deadlineMs, signals, telemetry: telemetry !== undefined })
  await nextSignal(signals)
  const deadline = performance.now() + deadlineMs
  const hurry = new AbortController()
  const hurried = secondSignal(signals).then(() => hurry.abort())
  const forTelemetry = telemetry ? Math.min(TELEMETRY_MS, deadlineMs / 2) : 0
  const left = () => Math.max(1, deadline - forTelemetry - performance.now())

  await Promise.race([closeServer(server), hurried, after(left() / 2)])
  server.closeAllConnections?.()
  const report = await tasks.close({ deadlineMs: left(), signal: hurry.signal })
  try {
    await Promise.race([onClosed?.(report), after(left())])
  } finally {
    if (telemetry) await Promise.race([flushed(telemetry), after(TELEMETRY_MS)])
  }
  return report
}

async function flushed(telemetry: NonNullable<ShutdownOptions['telemetry']>): Promise<void> {
  try {
    await telemetry.shutdown()
  } catch {
    // What telemetry could not send, it has said itself.
  }
}

function closeServer(server: ClosableServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections?.()
  })
}

function nextSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const heard = () => {
      for (const signal of signals) process.removeListener(signal, heard)
      resolve()
    }
    for (const signal of signals) process.on(signal, heard)
  })
}

/** npm forwards the signal of a Ctrl-C that the terminal sends too: what comes right behind the first is the same one. */
async function secondSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  const first = performance.now()
  do await nextSignal(signals)
  while (performance.now() - first < SAME_SIGNAL_MS)
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })

import { InvalidOptionError } from '../core/errors.ts'
import { inspector } from '../core/inspection.ts'
import { ServerEnd, type ClosableServer } from './close-server.ts'
import { DEFAULT_DEADLINE_MS, type DrainOptions, type DrainReport } from './drain.ts'
import { endProcessIn } from './end-process.ts'
import { listenFor } from './signals.ts'
import { atMost, Stages, type OnStage, type ShutdownStage } from './stages.ts'

export type { ClosableServer, ShutdownStage }

export interface ShutdownOptions {
  /** One or several; none in a process that only works. */
  readonly server?: ClosableServer | readonly ClosableServer[] | undefined
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
  /** Aborting it begins the shutdown as a signal does: for a message of a process manager, or a test. */
  readonly begin?: AbortSignal
  /**
   * Whether a process that something else keeps alive is ended at `deadlineMs`, with the exit code that was set (0 if none)
   * and a line on stderr that says what kept it. @default true if a signal began the shutdown
   */
  readonly exit?: boolean
  /** Runs at the start of each stage, with the milliseconds left. What it throws is thrown at the end. */
  readonly onStage?: OnStage
  /** Runs with the report before telemetry ends: the place for one line, or for closing what the app opened. */
  readonly onClosed?: (report: DrainReport) => void | Promise<void>
}

/** What later stages need whatever the earlier ones take: at most so many milliseconds, and so much of the whole. */
const TELEMETRY = { ms: 3_000, part: 1 / 4 }
const CLOSING = { ms: 1_500, part: 1 / 8 }

/**
 * Waits for a signal, then: says at `/readyz` that it is not ready, and serves on for `readyDelayMs`; takes no new connections
 * and lets requests being served finish, which may still add tasks, for at most half of the time that is left; drains tasks;
 * flushes telemetry. A further signal moves on to the next stage. Resolves with the report; the process then ends by itself,
 * by the caller's `process.exit()`, or at the deadline.
 * @throws InvalidOptionError; what `onStage` or `onClosed` threw, once everything else is done
 */
export async function gracefulShutdown(options: ShutdownOptions): Promise<DrainReport> {
  const { deadlineMs = DEFAULT_DEADLINE_MS, readyDelayMs = 0, signals: names = ['SIGTERM', 'SIGINT'] } = options
  check({ deadlineMs, readyDelayMs })
  if (names.length === 0 && !options.begin)
    throw new InvalidOptionError('gracefulShutdown: no `signals` and no `begin`: nothing would ever begin it')
  inspector()?.shutdown({ deadlineMs, signals: names, telemetry: options.telemetry !== undefined })
  const servers = [options.server ?? []].flat().map((server) => new ServerEnd(server))
  const signals = listenFor(names)
  const told = await Promise.race([signals.next(), aborted(options.begin)])
  const stages = new Stages(signals, performance.now() + deadlineMs, options.onStage)
  try {
    return await shutDown({ ...options, readyDelayMs, deadlineMs }, servers, stages)
  } finally {
    if (options.exit ?? told !== BEGUN) endProcessIn(stages.msLeft, deadlineMs)
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

const BEGUN = Symbol('begun')

function aborted(begin: AbortSignal | undefined): Promise<typeof BEGUN> {
  return new Promise((resolve) => {
    if (begin?.aborted) resolve(BEGUN)
    else begin?.addEventListener('abort', () => resolve(BEGUN), { once: true })
  })
}

type Told = ShutdownOptions & { readonly readyDelayMs: number; readonly deadlineMs: number }

async function shutDown(told: Told, servers: readonly ServerEnd[], stages: Stages): Promise<DrainReport> {
  const { tasks, telemetry, onClosed, readyDelayMs, deadlineMs } = told
  const kept = ({ ms, part }: typeof CLOSING) => Math.min(ms, deadlineMs * part)
  const forTelemetry = telemetry ? kept(TELEMETRY) : 0
  const before = (later: number) => Math.max(1, stages.msLeft - later)
  const forLater = forTelemetry + kept(CLOSING)

  const unready = stages.enter('unready')
  tasks.unready?.()
  for (const server of servers) server.askToLeave()
  if (readyDelayMs > 0) await atMost(new Promise(() => {}), readyDelayMs, unready)

  const served = stages.enter('server')
  await atMost(Promise.all(servers.map((server) => server.close())), before(forLater) / 2, served)
  for (const server of servers) server.cut()
  const report = await tasks.close({ deadlineMs: before(forLater), signal: stages.enter('tasks') })
  const closing = stages.enter('closing')
  try {
    await atMost(Promise.resolve(onClosed?.(report)), before(forTelemetry), closing)
  } finally {
    const flushing = stages.enter('telemetry')
    if (telemetry) await atMost(flushed(telemetry), Math.min(TELEMETRY.ms, before(0)), flushing)
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

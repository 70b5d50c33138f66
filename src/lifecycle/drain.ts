import type { Clock } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { OUTCOMES, sumCounts, type Counts } from '../core/ledger.ts'
import type { Runner } from '../core/runner.ts'
import type { Submission } from '../core/submission.ts'
import type { TaskRecord } from '../core/task.ts'

export interface DrainOptions {
  /** Milliseconds from now until everything has ended, one way or the other. @default 25000 */
  readonly deadlineMs?: number
  /** Aborting it stops the waiting: what runs gets its signal aborted at once and a moment to end. */
  readonly signal?: AbortSignal
}

export interface DrainReport {
  /** Tasks that ended while draining, as they would have otherwise. */
  readonly settled: number
  readonly interrupted: readonly TaskRecord[]
  readonly durationMs: number
}

export const DEFAULT_DEADLINE_MS = 25_000

/**
 * Finishes what was accepted. New tasks are refused unless a request being served or a running task adds them. A grace
 * before the deadline, running tasks get their signal aborted and what has not started is given up; at the deadline
 * whatever still runs is let go. What did not end is reported, by name. `last` is waited for once nothing is in flight.
 */
export async function drain(runner: Runner, options: DrainOptions, last: () => Promise<void>): Promise<DrainReport> {
  checkDeadline(options)
  runner.start()
  const { deadlineMs = DEFAULT_DEADLINE_MS, signal } = options
  const { clock, observers } = runner
  const startedAt = clock.now()
  const deadline = startedAt + deadlineMs
  const before = sumCounts(runner.counts)
  const inFlight = runner.inFlight
  runner.phase = 'draining'
  observers.event({ type: 'drain', stage: 'waiting', inFlight })
  const quiet = () => untilQuiet(runner, last)
  await within(quiet(), runner.clock, { ms: deadlineMs - Math.min(runner.limits.graceMs, deadlineMs / 2), signal })
  const unfinished = new Set(runner.flow.live.all())
  if (unfinished.size > 0) {
    observers.event({ type: 'drain', stage: 'aborting', inFlight: unfinished.size })
    const why = signal?.aborted ? 'the drain was told to hurry' : 'the drain deadline came'
    for (const submission of unfinished) interrupt(runner, submission, why)
    await within(quiet(), clock, { ms: signal?.aborted ? MOMENT_MS : deadline - clock.now() })
    // Whatever is left ignored its signal, or was added by a task that used the grace for it.
    await letGo(runner, unfinished, why)
  }
  runner.phase = 'closed'
  // One that was let go just now may have added another with its last breath.
  if (runner.inFlight > 0) await letGo(runner, unfinished, 'the runner closed')
  await atMost(last(), clock, Math.max(MOMENT_MS, deadline - clock.now()))
  for (const engine of runner.engines) await stopEngine(runner, engine)
  const interrupted = [...unfinished].filter(({ outcome }) => outcome?.outcome === 'interrupted').map(recordOf)
  const settled = ended(sumCounts(runner.counts)) - ended(before) - interrupted.length
  const report = { settled, interrupted, durationMs: clock.now() - startedAt }
  observers.event({ type: 'drained', ...report })
  runner.closed()
  return report
}

function checkDeadline({ deadlineMs = DEFAULT_DEADLINE_MS }: DrainOptions): void {
  if (!(typeof deadlineMs === 'number' && deadlineMs > 0))
    throw new InvalidOptionError(`close: expected \`deadlineMs\` to be a positive number, got ${String(deadlineMs)}`)
}

async function letGo(runner: Runner, unfinished: Set<Submission>, why: string): Promise<void> {
  for (const submission of runner.flow.live.all()) {
    unfinished.add(submission)
    interrupt(runner, submission, why)
    submission.current?.letGo()
  }
  await new Promise<void>((resolve) => runner.clock.setTurn(resolve))
}

async function stopEngine(runner: Runner, engine: Engine): Promise<void> {
  try {
    await engine.stop({ deadlineMs: 0 })
  } catch (thrown) {
    runner.observers.failure(`engine '${engine.name}' stopping`, thrown)
  }
}

function interrupt(runner: Runner, submission: Submission, why: string): void {
  if (submission.current) submission.current.abort('drain', why, Infinity)
  else runner.flow.settle(submission, { outcome: 'interrupted', reason: why, attempts: submission.attempts })
}

interface Patience {
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

/** What an aborted task gets to end when the drain was told to hurry, and a hook when the deadline is here. */
const MOMENT_MS = 500

/** Nothing is in flight, nor does a hook run that may still add a task in place of the one that failed. */
async function untilQuiet(runner: Runner, last: () => Promise<void>): Promise<void> {
  do {
    await new Promise<void>((resolve) => runner.flow.live.onIdle(resolve))
    await last()
  } while (runner.inFlight > 0)
}

/** Until `quiet`, at most `ms`, or until `signal` says that it takes too long. */
function within(quiet: Promise<void>, clock: Clock, { ms, signal }: Patience): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(enough, Math.max(0, ms))
    function enough(): void {
      timer.close()
      signal?.removeEventListener('abort', enough)
      resolve()
    }
    if (signal?.aborted) return enough()
    signal?.addEventListener('abort', enough)
    void quiet.then(enough)
  })
}

async function atMost(work: Promise<void>, clock: Clock, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.setTimer(late.resolve, ms)
  await Promise.race([work, late.promise])
  timer.close()
}

const ended = ({ outcomes }: Counts): number => OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], 0)

const recordOf = (submission: Submission): TaskRecord => submission.record

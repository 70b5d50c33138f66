import type { Clock } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { EngineError, InvalidOptionError } from '../core/errors.ts'
import { OUTCOMES, sumCounts, type OutcomeName } from '../core/ledger.ts'
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
  /** Tasks that ended since the shutdown began (`unready()`, or the first `close()`), as they would have otherwise. */
  readonly settled: number
  /** All that ended since then, by outcome. */
  readonly outcomes: Readonly<Record<OutcomeName, number>>
  /** What did not end, by name and id: in-process it is gone, so that this is the list to look into. */
  readonly interrupted: readonly TaskRecord[]
  /** What a durable engine held and did not end here: it is in its store again, at the cost of no attempt. */
  readonly handedOver: readonly TaskRecord[]
  readonly durationMs: number
}

export const DEFAULT_DEADLINE_MS = 25_000

/** What belongs to tasks and is no task. */
export interface AroundTasks {
  /** Hooks and services: nothing of theirs goes on. */
  idle(): Promise<void>
  /** Threads: needed until nothing is in flight. */
  close(): Promise<void>
}

/**
 * Finishes what was accepted. New tasks are refused unless a request being served or a running task adds them, or they come
 * after one that has not ended. A grace before the deadline, running tasks get their signal aborted and what has not started
 * is given up; at the deadline whatever still runs is let go. What is due only later than that is given up at once, since
 * nobody can wait for it. What did not end is reported, by name.
 */
export async function drain(runner: Runner, options: DrainOptions, around: AroundTasks): Promise<DrainReport> {
  runner.start()
  const { deadlineMs = DEFAULT_DEADLINE_MS, signal } = options
  const { clock, observers } = runner
  const startedAt = clock.now()
  const deadline = startedAt + deadlineMs
  const inFlight = runner.inFlight
  const waitMs = deadlineMs - Math.min(runner.limits.graceMs, deadlineMs / 2)
  runner.phase = 'draining'
  endBegins(runner)
  observers.event({ type: 'drain', stage: 'waiting', inFlight })
  const quiet = () => untilQuiet(runner, around)
  runner.flow.endBy(startedAt + waitMs)
  await within(quiet(), runner.clock, { ms: waitMs, signal })
  if (runner.inFlight > 0) {
    observers.event({ type: 'drain', stage: 'aborting', inFlight: runner.inFlight })
    const why = signal?.aborted ? 'the drain was told to hurry' : 'the drain deadline came'
    for (const submission of runner.flow.live.all()) interrupt(runner, submission, why)
    await within(quiet(), clock, { ms: signal?.aborted ? MOMENT_MS : deadline - clock.now() })
    // Whatever is left ignored its signal, or was added by a task that used the grace for it.
    await letGo(runner, why)
  }
  runner.phase = 'closed'
  // One that was let go just now may have added another with its last breath.
  if (runner.inFlight > 0) await letGo(runner, 'the runner closed')
  await atMost(Promise.all([around.idle(), around.close()]), clock, Math.max(MOMENT_MS, deadline - clock.now()))
  await stopEngines(runner, deadline)
  const { interrupted, givenBack: handedOver } = runner.flow
  const outcomes = difference(sumCounts(runner.counts).outcomes, countedFrom.get(runner))
  const gone = outcomes.interrupted + handedOver.length
  const settled = OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], 0) - gone
  const report = { settled, outcomes, interrupted, handedOver, durationMs: clock.now() - startedAt }
  observers.event({ type: 'drained', ...report })
  runner.closed()
  return report
}

type Outcomes = Readonly<Record<OutcomeName, number>>

/** The outcomes there were when the end of a runner began. */
const countedFrom = new WeakMap<Runner, Outcomes>()

/** Says that no new requests are wanted, and counts from here; nothing else changes. */
export function endBegins(runner: Runner): void {
  if (!countedFrom.has(runner)) countedFrom.set(runner, sumCounts(runner.counts).outcomes)
  runner.ready = false
}

/** What a drain cannot be told. A refused call drains nothing, so that the next one may. */
export function refuseDrain({
  deadlineMs = DEFAULT_DEADLINE_MS,
  signal,
}: DrainOptions): InvalidOptionError | undefined {
  if (!(typeof deadlineMs === 'number' && deadlineMs > 0))
    return new InvalidOptionError(`close: expected \`deadlineMs\` to be a positive number, got ${String(deadlineMs)}`)
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    return new InvalidOptionError(`close: expected \`signal\` to be an AbortSignal, got ${typeof signal}`)
  return undefined
}

async function letGo(runner: Runner, why: string): Promise<void> {
  for (const submission of runner.flow.live.all()) {
    interrupt(runner, submission, why)
    submission.current?.letGo()
  }
  runner.flow.handOver.giveUp()
  await new Promise<void>((resolve) => runner.clock.setTurn(resolve))
}

/** All at once, since each may wait for its store to say that it has the last ends; but not longer than is left. */
async function stopEngines(runner: Runner, deadline: number): Promise<void> {
  const { clock, observers, flow } = runner
  flow.dispatch.close()
  const msLeft = Math.max(0, deadline - clock.now())
  const stop = async (engine: Engine) => {
    const { durable } = engine.capabilities
    const hung = clock.setTimer(() => {
      observers.failure(
        `engine '${engine.name}' stopping`,
        new EngineError('its store does not answer; it is left alone'),
      )
    }, msLeft + MOMENT_MS)
    try {
      // Nothing runs any more: what is in memory need not be waited for.
      await engine.stop({ deadlineMs: durable ? msLeft : 0 })
    } catch (thrown) {
      observers.failure(`engine '${engine.name}' stopping`, thrown)
    } finally {
      hung.close()
    }
  }
  const stopping = Promise.all(runner.engines.map(stop))
  await atMost(stopping, clock, msLeft + MOMENT_MS)
}

function interrupt(runner: Runner, submission: Submission, why: string): void {
  if (submission.current) submission.current.abort('drain', why, Infinity)
  else runner.flow.interrupt(submission, why)
}

interface Patience {
  readonly ms: number
  readonly signal?: AbortSignal | undefined
}

/** What an aborted task gets to end when the drain was told to hurry, and a hook when the deadline is here. */
const MOMENT_MS = 500

/** Nothing is in flight, nor does a hook run that may still add a task in place of the one that failed. */
async function untilQuiet(runner: Runner, { idle }: AroundTasks): Promise<void> {
  do {
    await new Promise<void>((resolve) => runner.flow.live.onIdle(resolve))
    await idle()
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

async function atMost(work: Promise<unknown>, clock: Clock, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.setTimer(late.resolve, ms)
  await Promise.race([work, late.promise])
  timer.close()
}

function difference(now: Outcomes, before: Outcomes | undefined): Record<OutcomeName, number> {
  const since = { ...now }
  for (const outcome of OUTCOMES) since[outcome] -= before?.[outcome] ?? 0
  return since
}

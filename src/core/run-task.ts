import type { AsyncLocalStorage } from 'node:async_hooks'
import { Attempt, type AttemptHost } from './attempt.ts'
import type { BlockingWatch } from './blocking.ts'
import { runNeutral, type Clock } from './clock.ts'
import { compose } from './compose.ts'
import type { Ended, Envelope, RunTask } from './engine.ts'
import { noteFirstStart } from './first-start.ts'
import type { Lanes } from './lanes.ts'
import type { PendingKeys } from './pending-keys.ts'
import type { Submission } from './submission.ts'
import type { AttemptOutcome, MaybePromise, TaskMiddleware } from './task.ts'
import { isThenable, promiseOf } from './thenable.ts'

type WorkRing = (attempt: Attempt) => MaybePromise<void>

export interface RunHost extends AttemptHost {
  readonly clock: Clock
  readonly deadlines: AttemptHost['deadlines'] & { add(attempt: Attempt): void }
  readonly keys: PendingKeys
  readonly lanes: Lanes
  readonly blocking: BlockingWatch
  /** The live submission of an envelope; for one that comes from a store, made now. */
  submissionOf(envelope: Envelope): Submission
  /** Ends a submission without running it. */
  settle(submission: Submission, outcome: { outcome: 'dropped'; reason: string; attempts: number }): void
}

/**
 * Makes the function that runs one attempt. From the outside in: the observers round `settle`, `settle` round the work
 * ring, the work ring round the handler. `settle` holds the only `try` round user code, and turns whatever happens into an
 * outcome; everything outside of it therefore sees the decision, and no error of a handler reaches the engine.
 */
export function makeRunTask(
  host: RunHost,
  middleware: readonly TaskMiddleware[],
  store: AsyncLocalStorage<unknown>,
): RunTask {
  const work: WorkRing = compose<Attempt>(middleware, runHandler)
  const ring = host.observers.round<Attempt>(middleware.length > 0 ? (attempt) => settle(work, attempt) : settleHandler)
  // Entered and not run: the scope it is in ends it, and leaving a store costs as much as entering one.
  const runAsTask = (attempt: Attempt) => {
    store.enterWith(attempt.submission)
    ring(attempt)
  }

  return (envelope, ended: Ended) => {
    const submission = host.submissionOf(envelope)
    if (submission.outcome) return ended(envelope, submission.outcome)
    if (isExpired(submission, host.clock)) {
      const reason = `expired after ${submission.options.expiresMs} ms`
      // Not in the context of the task whose end started this one.
      runNeutral(() => host.settle(submission, { outcome: 'dropped', reason, attempts: submission.attempts }))
      return ended(envelope, submission.outcome ?? EXPIRED)
    }
    if (submission.attempts === 0) host.keys.free(submission)
    const attempt = new Attempt(host, submission, ended)
    submission.current = attempt
    submission.state = 'running'
    host.deadlines.add(attempt)
    host.lanes.started(submission.task)
    noteFirstStart(submission, attempt.startedAt, host.observers)
    // First the context of the add, then the task as ours in it: what the work adds, it adds as this task.
    if (submission.resource) submission.resource.runInAsyncScope(runAsTask, undefined, attempt)
    else store.run(submission, ring, attempt)
    host.blocking.returned(attempt)
  }
}

const EXPIRED: AttemptOutcome = { outcome: 'dropped', reason: 'expired', attempts: 0 }

/** Runs the work ring and ends the attempt. An aborted attempt may be ended by its deadline before the ring is. */
function settle(work: WorkRing, attempt: Attempt): void {
  let ring: MaybePromise<void>
  try {
    ring = work(attempt)
  } catch (thrown) {
    return attempt.end({ value: thrown })
  }
  if (!ring) return attempt.end(undefined)
  ring.then(
    () => attempt.end(undefined),
    (thrown: unknown) => attempt.end({ value: thrown }),
  )
}

/** The same for a ring that is the handler alone, with a promise less. */
function settleHandler(attempt: Attempt): void {
  let result: unknown
  let promise: Promise<unknown> | undefined
  try {
    result = callHandler(attempt)
    if (isThenable(result)) promise = promiseOf(result)
  } catch (thrown) {
    return handlerThrew(attempt, thrown)
  }
  if (!promise) return handlerReturned(attempt, result)
  promise.then(
    (value) => handlerReturned(attempt, value),
    (thrown: unknown) => handlerThrew(attempt, thrown),
  )
}

function handlerReturned(attempt: Attempt, value: unknown): void {
  attempt.value = value
  attempt.end(undefined)
}

function handlerThrew(attempt: Attempt, value: unknown): void {
  attempt.handlerThrew = { value }
  attempt.end(attempt.handlerThrew)
}

/** The innermost layer. It notes what the handler threw, so that middleware which swallows it does not blind the alerts. */
function runHandler(attempt: Attempt): MaybePromise<void> {
  let result: unknown
  let promise: Promise<unknown> | undefined
  if (attempt.outcome) throw attempt.aborted?.reason ?? new Error('the attempt has ended')
  try {
    result = callHandler(attempt)
    if (isThenable(result)) promise = promiseOf(result)
  } catch (thrown) {
    attempt.handlerThrew = { value: thrown }
    throw thrown
  }
  if (!promise) {
    attempt.value = result
    return undefined
  }
  return promise.then(
    (value) => {
      attempt.value = value
    },
    (thrown: unknown) => {
      attempt.handlerThrew = { value: thrown }
      throw thrown
    },
  )
}

function callHandler(attempt: Attempt): unknown {
  attempt.handlerCalled = true
  const { run, task, input } = attempt.submission
  return (run ?? task.run)?.(input as never, attempt as never)
}

function isExpired({ options, enteredAt }: Submission, clock: Clock): boolean {
  return options.expiresMs !== undefined && clock.now() >= enteredAt + options.expiresMs
}

import { types } from 'node:util'
import { Attempt, type AttemptHost } from './attempt.ts'
import type { Clock } from './clock.ts'
import { compose } from './compose.ts'
import type { Envelope, RunTask } from './engine.ts'
import type { Submission } from './submission.ts'
import type { AttemptOutcome, MaybePromise, TaskMiddleware } from './task.ts'

type Ended = Parameters<RunTask>[1]
type WorkRing = (attempt: Attempt) => MaybePromise<void>

export interface RunHost extends AttemptHost {
  readonly clock: Clock
  readonly deadlines: AttemptHost['deadlines'] & { add(attempt: Attempt): void }
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
export function makeRunTask(host: RunHost, middleware: readonly TaskMiddleware[]): RunTask {
  const work: WorkRing = compose<Attempt>(middleware, runHandler)
  const settleOnly = (attempt: Attempt) => settle(work, attempt)
  const observed = host.observers.round((task) => settleForObservers(work, task as Attempt))
  const seen = (attempt: Attempt) => {
    void observed(attempt).then((outcome) => host.attemptEnded(attempt, outcome))
  }
  const ring = host.observers.roundAttempts ? seen : settleOnly

  return (envelope, ended: Ended) => {
    const submission = host.submissionOf(envelope)
    if (submission.outcome) return ended(envelope, submission.outcome)
    if (isExpired(submission, host.clock)) {
      const { attempts } = submission
      host.settle(submission, {
        outcome: 'dropped',
        reason: `expired after ${submission.options.expiresMs} ms`,
        attempts,
      })
      return ended(envelope, submission.outcome ?? EXPIRED)
    }
    const attempt = new Attempt(host, submission, ended)
    submission.current = attempt
    submission.state = 'running'
    host.deadlines.add(attempt)
    if (submission.resource) submission.resource.runInAsyncScope(ring, undefined, attempt)
    else ring(attempt)
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

const settleForObservers = (work: WorkRing, attempt: Attempt): Promise<AttemptOutcome> =>
  new Promise((resolve) => {
    attempt.onOutcome = resolve
    settle(work, attempt)
  })

/** The innermost layer. It notes what the handler threw, so that middleware which swallows it does not blind the alerts. */
function runHandler(attempt: Attempt): MaybePromise<void> {
  const { run, task, input } = attempt.submission
  let result: unknown
  try {
    result = (run ?? task.run)?.(input as never, attempt as never)
  } catch (thrown) {
    attempt.handlerThrew = { value: thrown }
    throw thrown
  }
  if (!isThenable(result)) {
    attempt.value = result
    return undefined
  }
  // A query builder is no promise: it may give back anything from `then`, or call back twice.
  const promise = types.isPromise(result) ? result : Promise.resolve(result)
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

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

function isExpired({ options, addedAt }: Submission, clock: Clock): boolean {
  return options.expiresMs !== undefined && clock.now() >= addedAt + options.expiresMs
}

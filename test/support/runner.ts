import { createTasks, inProcess, type Tasks, type TasksOptions } from 'koa-afterglow'
import type { AttemptOutcome, Outcome, RunnerEvent, TaskContext, TaskObserver, TaskRecord } from 'koa-afterglow'
import { manualClock, type ManualClock } from 'koa-afterglow/testing'

/** Everything a runner told its observers, in order. */
export interface Seen extends TaskObserver {
  readonly submitted: (record: TaskRecord, result: string, error?: Error) => void
  readonly submissions: { readonly name: string; readonly result: string; readonly error?: Error }[]
  readonly attempts: { readonly name: string; readonly attempt: number; readonly outcome: AttemptOutcome }[]
  readonly outcomes: { readonly name: string; readonly outcome: Outcome; readonly byAttempt: boolean }[]
  readonly events: RunnerEvent[]
}

export function seeing(): Seen {
  const seen: Seen = {
    name: 'seeing',
    submissions: [],
    attempts: [],
    outcomes: [],
    events: [],
    submitted: ({ name }, result, error) => void seen.submissions.push({ name, result, ...(error && { error }) }),
    attempted: ({ name, attempt }: TaskContext, outcome) => void seen.attempts.push({ name, attempt, outcome }),
    settled: ({ name }, outcome, byAttempt) => void seen.outcomes.push({ name, outcome, byAttempt }),
    event: (event) => void seen.events.push(event),
  }
  return seen
}

export interface Bench {
  readonly tasks: Tasks
  readonly clock: ManualClock
  readonly seen: Seen
}

/** A runner on a clock that the test turns: nothing happens unless it says so. */
export function manualTasks({ concurrency = 100, ...options }: TasksOptions & { concurrency?: number } = {}): Bench {
  const clock = manualClock()
  const seen = seeing()
  const tasks = createTasks({
    logger: false,
    engines: { default: inProcess({ clock }) },
    ...options,
    limits: { concurrency, ...options.limits },
  })
  tasks.observe(seen)
  return { tasks, clock, seen }
}

/** A promise and its ends, for work that ends when the test says so. */
export const gate = <T = void>() => Promise.withResolvers<T>()

/** What `run` throws, synchronously. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (thrown) {
    return thrown
  }
  throw new Error('nothing was thrown')
}

/** The ledger's law, as a number that must be zero. */
export function missing(tasks: Tasks): number {
  const { submissions, outcomes, inFlight } = tasks.stats()
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0)
  return submissions.accepted + submissions.fetched - sum(outcomes) - sum(inFlight)
}

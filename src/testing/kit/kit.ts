import type { Add, RequestFacts } from '../../core/task.ts'
import type { CapturedTelemetry } from '../captured/captured.ts'
import type { ManualClock } from '../manual-clock.ts'
import type { AddedTask, TaskQuery } from './added-task.ts'
import type { StrayError } from './recorder.ts'
import type { AnyResponse } from './requests.ts'

/** What `createTasks()` gave, of any copy of the library. */
export interface AnyTasks {
  readonly add: Add
}

export interface TakeOverOptions {
  /**
   * - `inline`: tasks run as their response settles; outside of requests, as soon as the code that added them returns
   * - `manual`: they wait for `runNext()` and `drain()`
   * - `off`: they are recorded, and never run
   *
   * @default 'inline'
   */
  readonly mode?: 'inline' | 'manual' | 'off'
  /**
   * Time for delays, retries, timeouts and expiry: one that several kits share, or `'system'` for time that passes by itself.
   * @default a clock of its own, which stands until `kit.clock.advance(ms)`
   */
  readonly clock?: ManualClock | 'system'
  /** How long, in real milliseconds, the kit waits for what a test asks of it before it says what is in the way. @default 4000 */
  readonly patienceMs?: number
}

/**
 * An application's tasks in the hands of a test. Disposing of it (`using`) gives them back at once; `end()`, and so
 * `await using`, also fails the test for what it leaves behind.
 */
export interface TestKit extends Disposable, AsyncDisposable {
  readonly mode: 'inline' | 'manual' | 'off'
  readonly clock: ManualClock
  /** Every add, in order; refused ones too. */
  readonly added: readonly AddedTask[]
  /** Spans, metrics and log lines of these tasks. */
  readonly telemetry: CapturedTelemetry
  /** Errors that escaped a task, and failures of hooks, observers and services. */
  readonly strayErrors: readonly StrayError[]
  /** Those of this task that were accepted. */
  tasks(query: TaskQuery): readonly AddedTask[]
  /** @throws TestingError unless it was added exactly once */
  task(query: TaskQuery): AddedTask
  /**
   * Resolves once nothing more happens by itself: what runs has ended, and its hooks too; what is left waits for the clock, or
   * to be run. @throws TestingError naming what is in the way after `patienceMs`
   */
  idle(): Promise<void>
  /**
   * The tasks of the request that this is the response to (supertest, `fetch`, ...), and the tasks of those tasks, once they
   * are idle. @throws TestingError if it is no such response
   */
  tasksOf(response: AnyResponse): Promise<readonly AddedTask[]>
  /** What the tasks of that request know of it. @throws TestingError if it is no such response */
  requestOf(response: AnyResponse): RequestFacts
  /**
   * Mode `manual`: runs one attempt of the next task that may start, or of the next such as asked for. Resolves when that
   * attempt has ended, or with undefined if there is none.
   */
  runNext(query?: TaskQuery): Promise<AddedTask | undefined>
  /** Runs everything to its end, moving the clock past delays and backoffs. */
  drain(): Promise<void>
  /** @throws TestingError for tasks that are still in flight, and for stray errors */
  check(): void
  /** Waits until idle, checks, and gives the tasks back in any case. */
  end(): Promise<void>
}

import type { TaskContext } from './task.ts'

/** A handler as core calls it. */
export type Run = (input: never, task: TaskContext<never>) => unknown

/** What a definition says instead of `run`: where the function is that a thread runs. */
export interface ThreadSpec {
  readonly url: URL
  readonly exportName: string
  /** What of the input is handed over instead of copied. */
  readonly transfer: ((input: never) => readonly unknown[]) | undefined
}

/** A task's handler as core calls it, and what it refuses at `add()`. */
export interface Prepared {
  readonly run: Run
  /** @throws InvalidInputError for an input that cannot go there */
  check(input: unknown): void
}

/**
 * Runs handlers away from this event loop. Its tasks share one bulkhead of `concurrency`: they wait in the engine, where
 * they use no slot and no time of their timeout, and never in a queue of the executor's own.
 */
export interface Executor {
  readonly concurrency: number
  /** How many of its tasks may wait to start; an `add` beyond it is overload. */
  readonly maxQueue: number
  /** @throws AfterglowError when that cannot run here: a package or the file is missing */
  prepare(name: string, spec: ThreadSpec): Prepared
}

/** What an executor sees of an attempt. */
export interface ExecutedTask extends TaskContext {
  /** While set, the work goes on elsewhere: called once, when the attempt ends before it, and not allowed to throw. */
  kill: (() => void) | undefined
}

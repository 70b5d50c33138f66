import type { Clock } from './clock.ts'
import type { Engine } from './engine.ts'
import type { Limits } from './options.ts'
import type { Submission } from './submission.ts'
import type { Logger, Services, TaskContext, TaskHandle } from './task.ts'

/** What the flow of tasks is given. */
export interface FlowParts {
  readonly engines: ReadonlyMap<string, Engine>
  readonly clock: Clock
  readonly limits: Pick<Required<Limits>, 'concurrency' | 'graceMs' | 'blockWarnMs'>
  logOf(task: TaskContext): Logger
  readonly openServices: ((task: TaskContext) => Services) | undefined
  addFrom(parent: Submission, args: readonly unknown[]): TaskHandle
}

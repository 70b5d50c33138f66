import type { Attempt } from './attempt.ts'
import type { Clock } from './clock.ts'
import type { Describe } from './durable/dead.ts'
import type { Engine } from './engine.ts'
import type { Limits } from './options.ts'
import type { Registry } from './registry.ts'
import type { Submission } from './submission.ts'
import type { Logger, Services, TaskContext, TaskHandle } from './task.ts'

/** What the flow of tasks is given. */
export interface FlowParts {
  readonly engines: ReadonlyMap<string, Engine>
  readonly clock: Clock
  readonly registry: Pick<Registry, 'get'>
  readonly limits: Required<Limits>
  /** What may be kept of how a task ended. */
  readonly describe: Describe
  logOf(task: TaskContext): Logger
  openServices(attempt: Attempt): Services
  addFrom(parent: Submission, args: readonly unknown[]): TaskHandle
}

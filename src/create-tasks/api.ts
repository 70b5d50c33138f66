import type { Engine } from '../core/engine.ts'
import { InvalidOptionError } from '../core/errors.ts'
import type { Hooks } from '../core/hooks.ts'
import type { OutcomeName, State } from '../core/ledger.ts'
import type { SubmissionResult, TaskObserver } from '../core/observer.ts'
import type { Limits } from '../core/options.ts'
import type { Add, Logger, Task, TaskMiddleware, TaskSettings } from '../core/task.ts'
import type { ProbeOptions } from '../http/probes.ts'
import type { Middleware } from '../http/task-middleware.ts'
import type { DrainOptions, DrainReport } from '../lifecycle/drain.ts'
import type { DeadTasks } from './dead-tasks.ts'
import type { ServiceSource } from '../middleware/services.ts'
import type { TelemetryOptions } from '../telemetry/telemetry-options.ts'
import type { ThreadOptions } from '../threads/options.ts'

export interface TasksOptions {
  /** pino or anything like it; `false` for none. @default failures and warnings go to `console` */
  readonly logger?: Logger | false
  /** What `task.services` reads from: an awilix container, or anything with `cradle` and `createScope()`. */
  readonly services?: ServiceSource
  /** Tasks known from start: their counters are exported at zero, so that the first failure shows. */
  readonly register?: readonly Task[]
  /** `default` runs what names no other. @default { default: inProcess() } */
  readonly engines?: { readonly default?: Engine; readonly [name: string]: Engine | undefined }
  /** Settings of every task that does not say otherwise. */
  readonly defaults?: TaskSettings
  readonly limits?: Limits
  /** The threads of tasks defined with `thread`; none is started before the first of them runs. */
  readonly threads?: ThreadOptions
  readonly hooks?: Hooks
  /**
   * What becomes of a rejection that escapes a task: contained, so that the process lives, or only reported, so that Node
   * does what it would. Uncaught exceptions are only ever reported. @default 'contain-rejections'
   */
  readonly strayErrors?: 'contain-rejections' | 'report'
  /** What spans and log lines say of failures, and which traces tasks belong to. */
  readonly telemetry?: TelemetryOptions
}

export interface StartOptions {
  /** Whether tasks of durable engines run in this process; others always do. @default true */
  readonly consume?: boolean
}

export interface TasksStats {
  readonly submissions: Readonly<Record<SubmissionResult, number>>
  readonly outcomes: Readonly<Record<OutcomeName, number>>
  readonly inFlight: Readonly<Record<State, number>>
}

export interface Tasks extends AsyncDisposable {
  /** Adds a task; inside a request or a task it joins that, wherever in the code it is called. */
  readonly add: Add
  /** Adds work middleware round every attempt, from the outside in. @throws AlreadyStartedError after the first task */
  use(middleware: TaskMiddleware): Tasks
  /** Adds an observer. @throws AlreadyStartedError after the first task */
  observe(observer: TaskObserver): Tasks
  /** Makes tasks known before they are first added. */
  register(...tasks: readonly Task[]): Tasks
  /** The Koa middleware that gives `ctx.tasks`; mount it first. */
  middleware(): Middleware
  /** A route middleware that answers 503 before the handler while the runner is above 80 % of `limits.maxPending`. */
  guard(): Middleware
  /** `/livez` and `/readyz` for Kubernetes and load balancers: ready until a shutdown begins. Mount it anywhere. */
  probes(options?: ProbeOptions): Middleware
  /** Whether new requests are wanted. */
  readonly ready: boolean
  /** Says at `/readyz` that new requests are not wanted, and goes on as before: those that still come may add tasks. */
  unready(): void
  /**
   * Starts no more of this task in this process until `resume`; what runs goes on, what is added waits. It keeps no process
   * alive: one that ends with tasks waiting says so in a log line.
   */
  pause(name: string): void
  resume(name: string): void
  /**
   * Cancels by id, in this process or in a store; true if the task was there and had not ended. One that runs in another
   * process is aborted there as soon as that notices.
   */
  cancel(id: string, reason?: string): Promise<boolean>
  /**
   * Opens the stores of durable engines and, unless `consume` is false, runs their tasks in this process. Without it the
   * first request or task does so. Rejects if a store cannot be opened yet; that goes on being tried.
   * @throws AlreadyStartedError if it was started otherwise
   */
  start(options?: StartOptions): Promise<void>
  /** What ended badly in durable engines, and is kept. */
  readonly dead: DeadTasks
  stats(): TasksStats
  /** Resolves once nothing is in flight: no task waits or runs. A paused, delayed or retried one does. */
  idle(): Promise<void>
  /**
   * Drains and closes. Every call gives the same promise; a later one can only make it end sooner, by its `signal` or a
   * `deadlineMs` that comes first.
   */
  close(options?: DrainOptions): Promise<DrainReport>
}

const OPTION_NAMES: Required<{ [K in keyof TasksOptions]: true }> = {
  logger: true,
  services: true,
  register: true,
  engines: true,
  defaults: true,
  limits: true,
  threads: true,
  hooks: true,
  strayErrors: true,
  telemetry: true,
}

export function checkOptions(options: TasksOptions): void {
  for (const name of Object.keys(options))
    if (!Object.hasOwn(OPTION_NAMES, name))
      throw new InvalidOptionError(
        `createTasks: there is no option '${name}'; there are ${Object.keys(OPTION_NAMES).join(', ')}`,
      )
}

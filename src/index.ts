/**
 * koa-afterglow: the folders are the stations of a task's life.
 *
 *   create-tasks   composes everything below; the order of observers and middleware is written there
 *   core/          what a task is and how one attempt runs: submit-task, request-scope, run-task, outcome, ledger
 *   http/          the Koa edge: `ctx.tasks`, the gate, whether a response was sent or aborted
 *   middleware/    work middleware that ships: error handler, services
 *   telemetry/     spans, metrics and logs; every name is in names.ts
 *   engines/       what holds accepted tasks and starts them
 *   threads/       tasks that run on a thread: the pool here, thread-entry.ts and worker.ts over there
 *   lifecycle/     drain and graceful shutdown
 *   testing/       what applications use in their tests
 *   cli/           `npx koa-afterglow doctor`
 */
import './http/koa-context.ts'

export { createTasks, type StartOptions, type Tasks, type TasksOptions, type TasksStats } from './create-tasks.ts'
export type { DeadQuery, DeadTasks } from './create-tasks/dead-tasks.ts'
export { defineTask } from './core/registry.ts'
export { inProcess, type InProcessOptions } from './engines/in-process.ts'
export { errorHandler, type ErrorDecision, type ErrorHandlerOptions } from './middleware/error-handler.ts'
export { gracefulShutdown, type ShutdownOptions, type ShutdownStage } from './lifecycle/graceful-shutdown.ts'
export type { DrainOptions, DrainReport } from './lifecycle/drain.ts'
export type { ProbeOptions } from './http/probes.ts'
export type { RequestTasks } from './http/task-middleware.ts'
export type { ThreadOptions } from './threads/options.ts'
export { threadOf, type ThreadModule, type ThreadTask } from './core/thread-types.ts'
export type { ServiceScope, ServiceSource } from './middleware/services.ts'
export type { Clock, Timer } from './core/clock.ts'
export type {
  DeadTask,
  DeathNote,
  Ended,
  Ending,
  Engine,
  EngineAdmin,
  EngineCapabilities,
  EngineEvent,
  EngineHost,
  EngineStats,
  EnqueueOptions,
  Envelope,
  EnvelopeRecord,
  Receipt,
  RunTask,
} from './core/engine.ts'
export type { ErrorTarget, Hooks } from './core/hooks.ts'
export { TaskFailedError, type TaskFailure } from './core/task-failure.ts'
export type { RetryPolicy, RetryRequest } from './core/retry.ts'
export type { Limits } from './core/options.ts'
export type { ActiveContext, RequestTrace, SpanIds, TraceOrigin } from './core/tracing.ts'
export type { TelemetryOptions } from './telemetry/telemetry-options.ts'
export { TasksNotStoredError } from './core/durable/errors.ts'
export type { GateFacts, NotStored, RunnerEvent, Sending, SubmissionResult, TaskObserver } from './core/observer.ts'
export type {
  Acceptance,
  Add,
  AddOptions,
  AttemptOutcome,
  Dependency,
  Logger,
  MaybePromise,
  Outcome,
  Priority,
  RateLimit,
  RequestFacts,
  ResolvedSettings,
  ResponseClass,
  RunOn,
  Services,
  Task,
  TaskContext,
  TaskHandle,
  TaskMiddleware,
  TaskRecord,
  TaskSettings,
} from './core/task.ts'
export type { TaskLabels } from './core/task-labels.ts'
export {
  AfterglowError,
  AlreadyStartedError,
  CancelledError,
  EngineError,
  GaveUpError,
  InterruptedError,
  InvalidInputError,
  InvalidOptionError,
  MissingPackageError,
  StoreLockedError,
  NextError,
  NoRequestError,
  NonErrorThrownError,
  NotATaskError,
  NotDurableError,
  ServicesError,
  TaskNameTakenError,
  TasksClosedError,
  TasksOverloadedError,
  TasksTooDeepError,
  ThreadDiedError,
  ThreadModuleError,
  ThreadResultError,
  TimeoutError,
  UnknownEngineError,
  WaitsForItselfError,
  type ErrorCode,
  type InputIssue,
} from './core/errors.ts'

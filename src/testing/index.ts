/** What applications use in their tests, and authors of engines. */
export {
  memoryEngine,
  MemoryEngine,
  MemoryStore,
  MemoryTransaction,
  type MemoryEngineOptions,
  type StoreOperation,
} from './memory-engine.ts'
export { takeOver, takeOverEach, type TestHooks } from './take-over.ts'
export type { AnyTasks, TakeOverOptions, TestKit } from './kit/kit.ts'
export type { AddedTask, TaskQuery } from './kit/added-task.ts'
export type { StrayError } from './kit/recorder.ts'
export type { AnyResponse } from './kit/requests.ts'
export { TestingError } from './kit/errors.ts'
export type { CapturedTelemetry, LineQuery, TelemetryQuery } from './captured/captured.ts'
export type { CapturedLine } from './captured/logs.ts'
export type { CapturedPoint } from './captured/metrics.ts'
export type { CapturedSpan } from './captured/spans.ts'
export { matchers, type Asymmetric, type Expected, type RequestLike, type TaskMatchers } from './matchers.ts'
export { manualClock, type ManualClock, type ManualClockOptions } from './manual-clock.ts'
export { engineConformance, occupy } from './engine-conformance.ts'
export { telemetryConformance } from './telemetry-conformance.ts'
export type {
  Collected,
  ExportedSpan,
  JudgedSdk,
  JudgedTasks,
  TelemetryCase,
  TelemetrySubject,
} from './telemetry-conformance.ts'
export type { CrashPlan, EngineCase, EngineSubject } from './engine-conformance.ts'

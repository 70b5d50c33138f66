/** What applications use in their tests, and authors of engines. */
export { manualClock, type ManualClock } from './manual-clock.ts'
export {
  memoryEngine,
  MemoryEngine,
  MemoryStore,
  MemoryTransaction,
  type MemoryEngineOptions,
  type StoreOperation,
} from './memory-engine.ts'
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

import type {
  Attributes,
  BatchObservableResult,
  Histogram,
  Meter,
  Observable,
  ObservableCounter,
  ObservableGauge,
} from '@opentelemetry/api'
import type { EngineStats } from '../../core/engine.ts'
import { OUTCOMES, STATES, SUBMISSION_RESULTS, type Counts } from '../../core/ledger.ts'
import type { RegisteredTask } from '../../core/registry.ts'
import * as names from '../names.ts'
import type { Failures } from './failures.ts'
import type { Totals } from './sources.ts'

/** What is read when the SDK collects. */
export interface Readings {
  readonly version: string
  readonly failures: Failures
  readonly componentErrors: Readonly<Record<string, number>>
  totals(): Totals
  /** What durable engines say of their stores. */
  stores(): Promise<readonly (readonly [name: string, stats: EngineStats])[]>
}

/** The instruments on one meter. `stop` ends their being read. */
export interface Instruments {
  readonly run: Histogram
  readonly wait: Histogram
  readonly gap: Histogram
  readonly blocking: Histogram
  readonly drain: Histogram
  stop(): void
}

export function makeInstruments(meter: Meter, readings: Readings): Instruments {
  const histogram = ({ name, unit, description, buckets = [] }: names.MetricName) =>
    meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...buckets] } })
  const observed = makeObserved(meter)
  // One callback for all: whatever is collected together was read at the same moment, so the ledger balances in it.
  const observe = (result: BatchObservableResult) => observeAll(observed, readings, result)
  const observables: Observable[] = Object.values(observed)
  meter.addBatchObservableCallback(observe, observables)
  // By itself: a store takes its time, and must not keep the ledger from being read at one moment.
  const observeStores = async (result: BatchObservableResult) =>
    observeStoresOf(observed, await readings.stores(), result)
  const ofStores: Observable[] = [observed.depth, observed.oldestReady]
  meter.addBatchObservableCallback(observeStores, ofStores)
  return {
    run: histogram(names.RUN_DURATION),
    wait: histogram(names.WAIT_DURATION),
    gap: histogram(names.RESPONSE_GAP),
    blocking: histogram(names.BLOCKING_DURATION),
    drain: histogram(names.DRAIN_DURATION),
    stop: () => {
      meter.removeBatchObservableCallback(observe, observables)
      meter.removeBatchObservableCallback(observeStores, ofStores)
    },
  }
}

type Observed = ReturnType<typeof makeObserved>

function makeObserved(meter: Meter) {
  const counter = ({ name, unit, description }: names.MetricName): ObservableCounter =>
    meter.createObservableCounter(name, { unit, description })
  const gauge = ({ name, unit, description }: names.MetricName): ObservableGauge =>
    meter.createObservableGauge(name, { unit, description })
  return {
    submissions: counter(names.SUBMISSIONS),
    settled: counter(names.SETTLED),
    failures: counter(names.FAILURES),
    retries: counter(names.RETRIES),
    handledErrors: counter(names.HANDLED_ERRORS),
    strayErrors: counter(names.STRAY_ERRORS),
    runnerErrors: counter(names.RUNNER_ERRORS),
    count: gauge(names.COUNT),
    capacity: gauge(names.QUEUE_CAPACITY),
    concurrency: gauge(names.CONCURRENCY_LIMIT),
    oldestReady: gauge(names.QUEUE_OLDEST_AGE),
    depth: gauge(names.QUEUE_DEPTH),
    oldestRunning: gauge(names.OLDEST_RUNNING_AGE),
    info: gauge(names.TASK_INFO),
    runners: gauge(names.RUNNER_INFO),
  }
}

function observeAll(to: Observed, readings: Readings, result: BatchObservableResult): void {
  const totals = readings.totals()
  for (const [label, counts] of totals.counts)
    observeTask(to, counts, (one, value, more) => result.observe(one, value, { [names.TASK_NAME]: label, ...more }))
  for (const { attributes, count } of readings.failures.all()) result.observe(to.failures, count, attributes)
  for (const [component, count] of Object.entries(readings.componentErrors))
    result.observe(to.runnerErrors, count, { [names.COMPONENT]: component })
  for (const state of STATES) result.observe(to.count, totals.states[state], { [names.TASK_STATE]: state })
  result.observe(to.runners, totals.runners, { [names.LIBRARY_VERSION]: readings.version })
  if (totals.runners > 0) observeOpen(to, totals, result)
}

function observeStoresOf(
  to: Observed,
  stores: readonly (readonly [name: string, stats: EngineStats])[],
  result: BatchObservableResult,
): void {
  for (const [engine, { scope, ready, delayed, running, oldestReadyMs }] of stores) {
    const attributes = { [names.ENGINE]: engine, [names.QUEUE_SCOPE]: scope }
    result.observe(to.oldestReady, oldestReadyMs / 1000, attributes)
    for (const [state, count] of Object.entries({ queued: ready, delayed, running }))
      result.observe(to.depth, count, { ...attributes, [names.TASK_STATE]: state })
  }
}

type ObserveOfTask = (counter: ObservableCounter, value: number, more?: Attributes) => void

function observeTask(to: Observed, counts: Counts, observe: ObserveOfTask): void {
  for (const one of SUBMISSION_RESULTS)
    observe(to.submissions, counts.submissions[one], { [names.SUBMISSION_RESULT]: one })
  for (const one of OUTCOMES) observe(to.settled, counts.outcomes[one], { [names.TASK_OUTCOME]: one })
  observe(to.retries, counts.retries)
  observe(to.handledErrors, counts.handledErrors)
  observe(to.strayErrors, counts.strayErrors)
}

/** What only open runners have. */
function observeOpen(to: Observed, totals: Totals, result: BatchObservableResult): void {
  result.observe(to.capacity, totals.maxPending)
  result.observe(to.concurrency, totals.concurrency)
  for (const [engine, ms] of totals.readyMs) result.observe(to.oldestReady, ms / 1000, { [names.ENGINE]: engine })
  for (const [label, ms] of totals.runningMs) result.observe(to.oldestRunning, ms / 1000, { [names.TASK_NAME]: label })
  for (const task of totals.tasks) result.observe(to.info, 1, infoOf(task))
}

function infoOf({ label, settings, definition }: RegisteredTask): Attributes {
  const info: Attributes = { [names.TASK_NAME]: label }
  if (settings.timeoutMs < Infinity) info[names.TASK_TIMEOUT] = settings.timeoutMs / 1000
  if (definition?.slo !== undefined) info[names.TASK_SLO] = definition.slo
  if (definition?.owner !== undefined) info[names.TASK_OWNER] = definition.owner
  return info
}

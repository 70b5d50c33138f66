import { createNoopMeter, metrics, ROOT_CONTEXT } from '@opentelemetry/api'
import type {
  Attributes,
  BatchObservableResult,
  Context,
  Histogram,
  Meter,
  MeterProvider,
  Observable,
} from '@opentelemetry/api'
import { systemClock, type Timer } from '../core/clock.ts'
import { OUTCOMES, STATES, SUBMISSION_RESULTS, type State } from '../core/ledger.ts'
import { OTHER, type RegisteredTask } from '../core/registry.ts'
import type { RunnerEvent, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, TaskContext } from '../core/task.ts'
import { errorTypeOf } from './failures.ts'
import * as names from './names.ts'

/** Where the numbers are: the ledger's own integers, read when the SDK collects. */
export interface MetricsSource {
  tasks(): Iterable<RegisteredTask>
  states(): Record<State, number>
}

const LOOK_AGAIN_MS = 1_000
const MAX_ERROR_TYPES = 10

/**
 * Histograms per attempt, and observable counters over the ledger: free per task, at zero from start, equal to the ledger
 * by construction. A meter taken before an SDK started stays a no-op for ever, so the provider is compared again at each
 * add, and by a timer until a real one appears.
 */
export class Metrics implements TaskObserver {
  readonly name = 'metrics'
  readonly #source: MetricsSource
  readonly #version: string
  readonly #labels = new Map<string, LabelAttributes>()
  #provider: MeterProvider | undefined
  #instruments: Instruments | undefined
  #timer: Timer | undefined

  constructor(source: MetricsSource, version: string) {
    this.#source = source
    this.#version = version
    this.#look()
  }

  submitted(): void {
    if (metrics.getMeterProvider() !== this.#provider) this.#look()
  }

  attempted(task: TaskContext, outcome: AttemptOutcome, runMs: number): void {
    if (!this.#instruments) return
    const context = (task.active as Context | undefined) ?? ROOT_CONTEXT
    const { wait, ended } = this.#label(task)
    this.#instruments.run.record(runMs / 1000, ended(outcome), context)
    this.#instruments.wait.record(task.waitMs / 1000, wait, context)
  }

  event(event: RunnerEvent): void {
    if (event.type !== 'blocked') return
    const { record, blockedMs } = event
    const attributes = { [names.TASK_NAME]: record?.label ?? OTHER, [names.ENGINE]: record?.engine ?? OTHER }
    this.#instruments?.blocking.record(blockedMs / 1000, attributes)
  }

  /** No more looking out for a provider. */
  close(): void {
    this.#timer?.close()
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const provider = metrics.getMeterProvider()
    if (provider === this.#provider) return this.#lookAgain()
    this.#provider = provider
    this.#instruments?.stop()
    const meter = provider.getMeter(names.SCOPE_NAME, this.#version)
    this.#instruments = meter === createNoopMeter() ? undefined : instruments(meter, this.#source)
    this.#lookAgain()
  }

  #lookAgain(): void {
    if (this.#instruments) return this.close()
    this.#timer ??= systemClock.setTimer(() => this.#look(), LOOK_AGAIN_MS)
    this.#timer.unref()
  }

  #label(task: TaskContext): LabelAttributes {
    let label = this.#labels.get(task.label)
    if (!label) this.#labels.set(task.label, (label = labelAttributes(task.label, task.engine)))
    return label
  }
}

interface LabelAttributes {
  readonly wait: Attributes
  readonly ended: (outcome: AttemptOutcome) => Attributes
}

/** Attribute sets of one task, made once each. Beyond ten error types, which some client invents per error, `_OTHER`. */
function labelAttributes(label: string, engine: string): LabelAttributes {
  const wait: Attributes = Object.freeze({ [names.TASK_NAME]: label, [names.ENGINE]: engine })
  const completed: Attributes = Object.freeze({ ...wait, [names.TASK_OUTCOME]: 'completed' })
  const sets = new Map<string, Attributes>()
  const types = new Set<string>()
  const ended = (outcome: AttemptOutcome): Attributes => {
    if (outcome.outcome === 'completed' && !outcome.handled) return completed
    const known = errorTypeOf(outcome)
    const type = known === undefined || types.size < MAX_ERROR_TYPES || types.has(known) ? known : OTHER
    if (type !== undefined && type !== OTHER) types.add(type)
    const key = `${outcome.outcome} ${type ?? ''}`
    let set = sets.get(key)
    if (!set) {
      set = { ...wait, [names.TASK_OUTCOME]: outcome.outcome, ...(type !== undefined && { [names.ERROR_TYPE]: type }) }
      sets.set(key, Object.freeze(set))
    }
    return set
  }
  return { wait, ended }
}

interface Instruments {
  readonly run: Histogram
  readonly wait: Histogram
  readonly blocking: Histogram
  stop(): void
}

function instruments(meter: Meter, source: MetricsSource): Instruments {
  const histogram = ({ name, unit, description, buckets = [] }: names.MetricName) =>
    meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...buckets] } })
  const counter = ({ name, ...options }: names.MetricName) => meter.createObservableCounter(name, options)
  const submissions = counter(names.SUBMISSIONS)
  const settled = counter(names.SETTLED)
  const retries = counter(names.RETRIES)
  const handledErrors = counter(names.HANDLED_ERRORS)
  const strayErrors = counter(names.STRAY_ERRORS)
  const count = meter.createObservableGauge(names.COUNT.name, names.COUNT)
  const observe = (result: BatchObservableResult) => {
    for (const { label, counts } of source.tasks()) {
      const task = { [names.TASK_NAME]: label }
      for (const one of SUBMISSION_RESULTS)
        result.observe(submissions, counts.submissions[one], { ...task, [names.SUBMISSION_RESULT]: one })
      for (const one of OUTCOMES) result.observe(settled, counts.outcomes[one], { ...task, [names.TASK_OUTCOME]: one })
      result.observe(retries, counts.retries, task)
      result.observe(handledErrors, counts.handledErrors, task)
      result.observe(strayErrors, counts.strayErrors, task)
    }
    const states = source.states()
    for (const state of STATES) result.observe(count, states[state], { [names.TASK_STATE]: state })
  }
  const observed: Observable[] = [submissions, settled, retries, handledErrors, strayErrors, count]
  meter.addBatchObservableCallback(observe, observed)
  const stop = () => meter.removeBatchObservableCallback(observe, observed)
  return {
    run: histogram(names.RUN_DURATION),
    wait: histogram(names.WAIT_DURATION),
    blocking: histogram(names.BLOCKING_DURATION),
    stop,
  }
}

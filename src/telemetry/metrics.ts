import { metrics, ROOT_CONTEXT, type Context } from '@opentelemetry/api'
import { OTHER } from '../core/registry.ts'
import type { RunnerEvent, SubmissionResult, TaskObserver } from '../core/observer.ts'
import type { AttemptOutcome, Outcome, RequestFacts, TaskContext, TaskRecord } from '../core/task.ts'
import { isFailure } from './failures.ts'
import { Share, shareOf } from './metrics/share.ts'
import type { MetricsSource } from './metrics/sources.ts'
import * as names from './names.ts'

export { Share, type MetricsSource }

/**
 * Histograms per attempt, and observable instruments over the ledger: free per task, at zero from start, equal to the
 * ledger by construction.
 */
export class Metrics implements TaskObserver {
  readonly name = 'metrics'
  readonly #source: MetricsSource
  readonly #share: Share
  #closed = false

  /** Without a `share` of its own it counts with all other runners of the process. */
  constructor(source: MetricsSource, version: string, share: Share = shareOf(version)) {
    this.#source = source
    this.#share = share
    this.#share.open(source)
  }

  submitted(record: TaskRecord, result: SubmissionResult): void {
    if (metrics.getMeterProvider() !== this.#share.provider) this.#share.look()
    // A closed runner still refuses tasks, and its own counts are no longer read.
    if (this.#closed) this.#share.sources.gone({ label: record.label, definition: undefined }).submissions[result]++
  }

  firstStart(_request: RequestFacts, gapMs: number): void {
    this.#share.instruments?.gap.record(gapMs / 1000)
  }

  attempted(task: TaskContext, outcome: AttemptOutcome, runMs: number): void {
    const { instruments, attempts } = this.#share
    if (!instruments) return
    const context = (task.active as Context | undefined) ?? ROOT_CONTEXT
    const { wait, ended } = attempts.of(task.label, task.engine)
    instruments.run.record(runMs / 1000, ended(outcome), context)
    instruments.wait.record(task.waitMs / 1000, wait, context)
  }

  settled({ label, request }: TaskRecord, outcome: Outcome): void {
    if (!isFailure(outcome)) return
    const type = this.#share.types.of(label, outcome) ?? OTHER
    this.#share.failures.count(label, type, request?.route)
  }

  event(event: RunnerEvent): void {
    if (event.type === 'failure_of_our_own') return this.#componentFailed(event.where)
    const { instruments } = this.#share
    if (!instruments) return
    if (event.type === 'drained') instruments.drain.record(event.durationMs / 1000)
    if (event.type !== 'blocked') return
    const { record, blockedMs } = event
    const attributes = { [names.TASK_NAME]: record?.label ?? OTHER, [names.ENGINE]: record?.engine ?? OTHER }
    instruments.blocking.record(blockedMs / 1000, attributes)
  }

  /** What it counted stays; nothing of it is read any more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#share.close(this.#source)
  }

  #componentFailed(where: string): void {
    const [first = ''] = where.split(' ')
    const component = COMPONENTS[first] ?? 'runner'
    this.#share.componentErrors[component] = (this.#share.componentErrors[component] ?? 0) + 1
  }
}

/** By the first word of what failed. */
const COMPONENTS: Readonly<Record<string, (typeof names.COMPONENTS)[number]>> = {
  hook: 'hook',
  observer: 'observer',
  engine: 'engine',
  disposing: 'services',
}

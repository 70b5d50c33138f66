// What the cases are made of: a runner and an SDK made for each, a logger that remembers, and what was exported meanwhile.
import type { Attributes, Link, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api'
import type { Limits } from '../../core/options.ts'
import type { TaskObserver } from '../../core/observer.ts'
import { defineTask } from '../../core/registry.ts'
import type { Add, AddOptions, Logger, TaskContext, TaskHandle, TaskMiddleware, TaskSettings } from '../../core/task.ts'
import * as names from '../../telemetry/names.ts'

/** A finished span as SDK 2 and SDK 3 have it. */
export interface ExportedSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
  readonly status: SpanStatus
  readonly links: readonly Link[]
  readonly events: readonly { readonly name: string; readonly attributes?: Attributes }[]
  readonly instrumentationScope: { readonly name: string }
  spanContext(): SpanContext
}
/** What the `collect()` of a metric reader gives, of which this much is looked at. */
export interface Collected {
  readonly resourceMetrics: { readonly scopeMetrics: readonly ScopeMetrics[] }
}
interface ScopeMetrics {
  readonly scope: { readonly name: string }
  readonly metrics: readonly ExportedMetric[]
}
export interface ExportedMetric {
  readonly descriptor: { readonly name: string; readonly unit: string }
  readonly dataPoints: readonly { readonly attributes: Attributes; readonly value: unknown }[]
}
/** An SDK that is the global one, with in-memory exporters and cumulative temporality. */
export interface JudgedSdk {
  spans(): readonly ExportedSpan[]
  collect(): Promise<Collected>
  stop(): Promise<void>
}
/** The part of `createTasks()` that is used. */
export interface JudgedTasks {
  readonly add: Add
  use(middleware: TaskMiddleware): unknown
  observe(observer: TaskObserver): unknown
  cancel(id: string, reason?: string): Promise<boolean>
  idle(): Promise<void>
  close(options?: { readonly deadlineMs?: number }): Promise<unknown>
}
export interface TelemetrySubject {
  /** Without it only log lines are judged: what a process without an SDK leaves. */
  startSdk?(): JudgedSdk
  /** The default engine of `makeTasks` is durable, and its tasks run in the same process. @default false */
  readonly durable?: boolean
  /** `(options) => createTasks({ ...options, engines: { default: theEngine } })` */
  makeTasks(options: { readonly logger: Logger; readonly limits: Limits }): JudgedTasks
  /**
   * Serves one request of method GET behind a SERVER span that is current in its async context; its handler calls `handle`
   * with `ctx.tasks.add`. Resolves once the response has ended. Without it the cases that need a request are left out.
   */
  serve?(tasks: JudgedTasks, handle: (add: Add) => void): Promise<void>
}

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
}

export type Judged = (task: TaskContext<void>) => unknown
export interface JudgedOptions extends AddOptions {
  readonly settings?: TaskSettings
}

/** Short, so that what has to time out does so soon; and no task is named for the blocking of a machine that is busy. */
const LIMITS: Limits = { graceMs: 20, blockWarnMs: Infinity }

/** One case: everything in it is its own. */
export class Bench {
  readonly tasks: JudgedTasks
  readonly lines: Line[] = []
  readonly subject: TelemetrySubject
  readonly #sdk: JudgedSdk | undefined
  readonly #ended = new Map<string, PromiseWithResolvers<void>>()
  #before: ReadonlyMap<string, number> = new Map()

  constructor(subject: TelemetrySubject, limits: Limits = {}) {
    this.subject = subject
    this.#sdk = subject.startSdk?.()
    this.tasks = subject.makeTasks({ logger: loggerInto(this.lines), limits: { ...LIMITS, ...limits } })
    const interrupted = new Set<string>()
    this.tasks.observe({
      name: 'conformance',
      attempted: ({ id }, { outcome }) => void (outcome === 'interrupted' && interrupted.add(id)),
      settled: ({ id }, { outcome }) => {
        if (outcome !== 'handed_over' || interrupted.has(id)) this.#endOf(id).resolve()
      },
    })
  }

  /** Adds the task of a case: a closure, or where that cannot be stored a task. */
  add(run: Judged, { settings, ...options }: JudgedOptions = {}, add: Add = this.tasks.add): TaskHandle {
    if (!this.subject.durable) return add('judged', run, { ...options, ...(settings && { override: settings }) })
    const task = defineTask({ name: 'judged', run: (_input: void, own) => run(own), ...settings })
    return add(task, undefined, options)
  }

  /** A durable one has not ended when it was handed over, but where it ran. */
  ended({ id, settled }: TaskHandle): Promise<unknown> {
    return this.subject.durable ? this.#endOf(id).promise : settled
  }

  #endOf(id: string): PromiseWithResolvers<void> {
    let ended = this.#ended.get(id)
    if (!ended) this.#ended.set(id, (ended = Promise.withResolvers()))
    return ended
  }

  get hasSdk(): boolean {
    return this.#sdk !== undefined
  }

  /** What runners of this process counted before stays counted: only what is added from now on belongs to the case. */
  async begin(): Promise<void> {
    this.#before = valuesOf(await this.metrics())
  }

  /** Once all that follows from the last end has been exported. */
  async idle(): Promise<void> {
    await this.tasks.idle()
    await new Promise((resolve) => setImmediate(resolve))
  }

  async close(): Promise<void> {
    await this.tasks.close({ deadlineMs: 20 })
    await this.#sdk?.stop()
  }

  /** Spans that this library made. */
  spans(): readonly ExportedSpan[] {
    return this.allSpans().filter(({ instrumentationScope }) => instrumentationScope.name === names.SCOPE_NAME)
  }

  allSpans(): readonly ExportedSpan[] {
    return this.#sdk?.spans() ?? []
  }

  async metrics(): Promise<readonly ExportedMetric[]> {
    const collected = await this.#sdk?.collect()
    return (collected?.resourceMetrics.scopeMetrics ?? []).flatMap(({ scope, metrics }) =>
      scope.name === names.SCOPE_NAME ? metrics : [],
    )
  }

  /** By metric and attributes, how much was added since `begin`: to a counter, to a gauge, or to a histogram's count. */
  async added(): Promise<
    readonly { readonly metric: string; readonly attributes: Attributes; readonly value: number }[]
  > {
    const now = await this.metrics()
    return now.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        metric: descriptor.name,
        attributes,
        value: numberOf(value) - (this.#before.get(keyOf(descriptor.name, attributes)) ?? 0),
      })),
    )
  }
}

const keyOf = (metric: string, attributes: Attributes): string =>
  JSON.stringify([metric, Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))])

const numberOf = (value: unknown): number =>
  typeof value === 'number' ? value : (value as { readonly count: number }).count

const valuesOf = (metrics: readonly ExportedMetric[]): ReadonlyMap<string, number> =>
  new Map(
    metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [keyOf(descriptor.name, attributes), numberOf(value)] as const),
    ),
  )

function loggerInto(lines: Line[], bound: object = {}): Logger {
  const write = (level: Line['level']) => (fields: object | string) =>
    void lines.push({ level, fields: typeof fields === 'string' ? { ...bound } : { ...bound, ...fields } })
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => loggerInto(lines, { ...bound, ...more }),
  }
}

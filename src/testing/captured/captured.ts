import type { StandIn } from '../../create-tasks/stand-in.ts'
import type { AttemptOutcome } from '../../core/task.ts'
import * as names from '../../telemetry/names.ts'
import type { AddedTask, Seen, TaskQuery } from '../kit/added-task.ts'
import { TestingError } from '../kit/errors.ts'
import type { AnyResponse, Requests } from '../kit/requests.ts'
import { spyLogger, watchedLog, type CapturedLine } from './logs.ts'
import { SpyMeters, type CapturedPoint } from './metrics.ts'
import { spyTracer, type CapturedSpan } from './spans.ts'

/** Which spans or lines; all that is given must hold. */
export interface TelemetryQuery {
  /** By a task, a function, a name, or one `AddedTask`. */
  readonly task?: TaskQuery | AddedTask
  /** Of the attempt: an outcome, or `retried`. */
  readonly outcome?: AttemptOutcome['outcome']
  /** Caused by the request that this is the response to. */
  readonly request?: AnyResponse
}
export interface LineQuery extends TelemetryQuery {
  readonly level?: string
  /** Such as `afterglow.task.completed`; lines of `task.log` have none. */
  readonly event?: string
}

/**
 * Spans, metrics and log lines of tasks, as they leave the library. No SDK is needed; one that the application has gets its
 * own all the same, and so does its logger.
 */
export interface CapturedTelemetry {
  /** One for each attempt, and for each task that was accepted and never ran. */
  spans(query?: TelemetryQuery): readonly CapturedSpan[]
  /** @throws TestingError unless there is exactly one */
  span(query?: TelemetryQuery): CapturedSpan
  logs(query?: LineQuery): readonly CapturedLine[]
  /** @throws TestingError unless there is exactly one */
  log(query?: LineQuery): CapturedLine
  /** What an SDK would collect now, of these tasks alone. */
  metrics(name?: string): readonly CapturedPoint[]
  /**
   * The sum of all series of a metric that have these attributes; of a histogram, of what was recorded. 0 if there is none.
   * `metric('afterglow.task.settled', { 'afterglow.task.outcome': 'failed' })`
   */
  metric(name: string, attributes?: Readonly<Record<string, unknown>>): number
}

export class Capture implements CapturedTelemetry {
  readonly #spans: CapturedSpan[] = []
  readonly #lines: CapturedLine[] = []
  readonly #meters = new SpyMeters()
  readonly #seen: readonly Seen[]
  readonly #requests: Requests

  constructor(seen: readonly Seen[], requests: Requests) {
    this.#seen = seen
    this.#requests = requests
  }

  spans(query: TelemetryQuery = {}): readonly CapturedSpan[] {
    const fits = this.#fits(query)
    return this.#spans.filter(({ attributes }) => fits(attributes))
  }

  span(query: TelemetryQuery = {}): CapturedSpan {
    return one('span', { found: this.spans(query), all: this.#spans }, ({ name, attributes }) => [
      name,
      attributes[names.TASK_ATTEMPT],
      attributes[names.TASK_OUTCOME],
    ])
  }

  logs(query: LineQuery = {}): readonly CapturedLine[] {
    const fits = this.#fits(query)
    const { level, event } = query
    return this.#lines.filter(
      (line) =>
        fits(line.fields) &&
        (level === undefined || line.level === level) &&
        (event === undefined || line.fields[names.EVENT_NAME] === event),
    )
  }

  log(query: LineQuery = {}): CapturedLine {
    return one('log line', { found: this.logs(query), all: this.#lines }, ({ level, fields, message }) => [
      level,
      fields[names.EVENT_NAME],
      message,
      fields[names.TASK_NAME],
    ])
  }

  metrics(name?: string): readonly CapturedPoint[] {
    return this.#meters.points().filter((point) => name === undefined || point.name === name)
  }

  metric(name: string, attributes: Readonly<Record<string, unknown>> = {}): number {
    return this.metrics(name)
      .filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))
      .reduce((sum, { value }) => sum + value, 0)
  }

  /** What the runner is given. */
  get standIn(): Pick<StandIn, 'logger' | 'watchLog' | 'watchTracer' | 'meters'> {
    return {
      logger: spyLogger(this.#lines),
      watchLog: (log, task) => watchedLog(this.#lines, log, task),
      watchTracer: (real) => spyTracer(this.#spans, real),
      meters: this.#meters,
    }
  }

  #fits({ task, outcome, request }: TelemetryQuery): (carried: Readonly<Record<string, unknown>>) => boolean {
    const facts = request && this.#requests.of(request)
    return (carried) => {
      const seen = this.#seen.find(({ id }) => id === carried[names.TASK_ID])
      if (outcome !== undefined && carried[names.TASK_OUTCOME] !== outcome) return false
      if (facts && seen?.request !== facts) return false
      return task === undefined || (seen !== undefined && isOf(seen, task))
    }
  }
}

interface Found<T> {
  readonly found: readonly T[]
  readonly all: readonly T[]
}

const isOf = (seen: Seen, task: TaskQuery | AddedTask): boolean =>
  typeof task === 'object' && 'attempts' in task ? seen.id === task.id : seen.is(task)

function one<T>(what: string, { found, all }: Found<T>, say: (one: T) => readonly unknown[]): T {
  const [only] = found
  if (only && found.length === 1) return only
  const words = (each: T) => say(each).filter((part) => typeof part === 'string' || typeof part === 'number')
  const list = all.map((each) => `\n  - ${words(each).join(' ')}`).join('')
  throw new TestingError(`expected one such ${what}, found ${found.length}; captured were:${list || ' none'}`)
}

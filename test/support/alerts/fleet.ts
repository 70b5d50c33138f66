// What a fleet of processes would export, minute by minute, from a small model of it. Names and labels come from the
// registry; counters are sums, the ledger balances, and nothing is there before a process starts or after it is gone.
import { labelOf, seriesOf } from '../../../docs/build/prometheus-names.ts'
import * as names from '../../../src/telemetry/names.ts'
import type { MetricName } from '../../../src/telemetry/names.ts'
import { ATTRIBUTES } from '../../../src/telemetry/names/registry.ts'

/** One series, sampled once a minute; undefined where there is no sample. */
export interface Sampled {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly values: readonly (number | undefined)[]
}
type ByMinute = (minute: number) => number
type Labels = Readonly<Record<string, string>>

export interface TaskModel {
  /** False: a plain function, of which nothing is exported before it is first added. @default true */
  readonly registered?: boolean
  readonly slo?: number
  readonly owner?: string
  /** Seconds. @default 30 */
  readonly timeout?: number | 'none'
  /** By outcome: how many end so in a minute. */
  readonly ends?: Readonly<Record<string, ByMinute>>
  readonly handled?: ByMinute
  readonly strays?: ByMinute
  /** Seconds. */
  readonly runningFor?: ByMinute
}

export interface ProcessModel {
  readonly instance: string
  /** The minute of its first and of its last sample. @default all */
  readonly from?: number
  readonly to?: number
  readonly tasks: Readonly<Record<string, TaskModel>>
  /** By state: how many are in flight. */
  readonly inFlight?: Readonly<Record<string, ByMinute>>
  /** Seconds that the oldest waits. */
  readonly waits?: ByMinute
  /** Accepted, and then in no book. */
  readonly unaccounted?: ByMinute
  readonly hookErrors?: ByMinute
  readonly environment?: string
  /** The name of the service, with its namespace before it if it has one. @default 'shop' */
  readonly job?: string
}

export const never: ByMinute = () => 0
export const always =
  (count: number): ByMinute =>
  () =>
    count
export const at =
  (when: number, count = 1): ByMinute =>
  (minute) =>
    minute === when ? count : 0
export const between =
  (from: number, to: number, count: number): ByMinute =>
  (minute) =>
    minute >= from && minute < to ? count : 0
/** Grows by a minute each minute, from `from` on; 0 before and from `to` on. */
export const ageing =
  (from: number, to = Infinity): ByMinute =>
  (minute) =>
    minute > from && minute < to ? (minute - from) * 60 : 0

const LIMITS = { capacity: 10_000, concurrency: 100 }

/** @param minutes how many samples there are, one a minute from 0 */
export function processSeries(model: ProcessModel, minutes: number): readonly Sampled[] {
  const { instance, from = 0, to = Infinity, environment, job = 'shop' } = model
  const own: Labels = { job, ...(environment && { deployment_environment_name: environment }), instance }
  const line = (labels: Labels, valueAt: (minute: number) => number | undefined) => ({
    labels: { ...own, ...labels },
    values: Array.from({ length: minutes }, (_, minute) =>
      minute >= from && minute <= to ? valueAt(minute) : undefined,
    ),
  })
  const sum = (events: ByMinute): ByMinute => {
    let total = 0
    const sums = Array.from({ length: minutes }, (_, minute) => (total += minute < from ? 0 : events(minute)))
    return (minute) => sums[minute] ?? 0
  }
  const make = (metric: MetricName, labels: Labels, valueAt: (minute: number) => number | undefined): Sampled => ({
    name: seriesOf(metric)[0] ?? '',
    ...line(Object.fromEntries(Object.entries(labels).map(([key, value]) => [labelOf(key), value])), valueAt),
  })
  return [
    ...Object.entries(model.tasks).flatMap(([name, task], index) =>
      taskSeries({ name, task, make, sum, more: index === 0 ? model : {} }),
    ),
    ...valuesOf(names.TASK_STATE).map((state) =>
      make(names.COUNT, { [names.TASK_STATE]: state }, model.inFlight?.[state] ?? never),
    ),
    make(names.RUNNER_INFO, { [names.LIBRARY_VERSION]: '0.1.0' }, always(1)),
    make(names.QUEUE_CAPACITY, {}, always(LIMITS.capacity)),
    make(names.CONCURRENCY_LIMIT, {}, always(LIMITS.concurrency)),
    make(names.QUEUE_OLDEST_AGE, { [names.ENGINE]: 'in_process' }, model.waits ?? never),
    ...names.COMPONENTS.map((component) =>
      make(
        names.RUNNER_ERRORS,
        { [names.COMPONENT]: component },
        sum(component === 'hook' ? (model.hookErrors ?? never) : never),
      ),
    ),
  ]
}

interface OfTask {
  readonly name: string
  readonly task: TaskModel
  readonly make: (metric: MetricName, labels: Labels, valueAt: (minute: number) => number | undefined) => Sampled
  readonly sum: (events: ByMinute) => ByMinute
  /** The first task of a process accounts for what its process has in flight. */
  readonly more: Pick<ProcessModel, 'inFlight' | 'unaccounted'>
}

function taskSeries({ name, task, make, sum, more }: OfTask): readonly Sampled[] {
  const { registered = true, ends = {}, timeout = 30, slo, owner } = task
  const label = { [names.TASK_NAME]: name }
  const ended = sum((minute) => Object.values(ends).reduce((all, events) => all + events(minute), 0))
  const inFlight: ByMinute = (minute) =>
    Object.values(more.inFlight ?? {}).reduce((all, count) => all + count(minute), 0)
  const lost = sum(more.unaccounted ?? never)
  const accepted: ByMinute = (minute) => ended(minute) + inFlight(minute) + lost(minute)
  const known = (valueAt: ByMinute) => (minute: number) =>
    registered || accepted(minute) > 0 ? valueAt(minute) : undefined
  const info = {
    ...label,
    ...(timeout !== 'none' && { [names.TASK_TIMEOUT]: `${timeout}` }),
    ...(slo !== undefined && { [names.TASK_SLO]: `${slo}` }),
    ...(owner !== undefined && { [names.TASK_OWNER]: owner }),
  }
  return [
    ...valuesOf(names.SUBMISSION_RESULT).map((result) =>
      make(
        names.SUBMISSIONS,
        { ...label, [names.SUBMISSION_RESULT]: result },
        known(result === 'accepted' ? accepted : never),
      ),
    ),
    ...valuesOf(names.TASK_OUTCOME)
      .filter((outcome) => outcome !== 'retried')
      .map((outcome) =>
        make(names.SETTLED, { ...label, [names.TASK_OUTCOME]: outcome }, known(sum(ends[outcome] ?? never))),
      ),
    make(names.RETRIES, label, known(never)),
    make(names.HANDLED_ERRORS, label, known(sum(task.handled ?? never))),
    make(names.STRAY_ERRORS, label, known(sum(task.strays ?? never))),
    make(names.OLDEST_RUNNING_AGE, label, known(task.runningFor ?? never)),
    make(names.TASK_INFO, info, known(always(1))),
  ]
}

/** @throws Error if the set of values is not closed */
function valuesOf(attribute: string): readonly string[] {
  const values = ATTRIBUTES[attribute]?.values
  if (!values) throw new Error(`the registry does not say what ${attribute} may be`)
  return values
}

/** Of something that is not ours: the collector, the SDK. */
export const foreignSeries = (
  name: string,
  labels: Labels,
  { minutes, valueAt }: { readonly minutes: number; readonly valueAt: (minute: number) => number | undefined },
): Sampled => ({ name, labels, values: Array.from({ length: minutes }, (_, minute) => valueAt(minute)) })

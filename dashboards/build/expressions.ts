// What several panels ask, once.
import * as names from '../../src/telemetry/names.ts'
import type { MetricName } from '../../src/telemetry/names.ts'
import type { Config } from '../config.ts'
import { COLLECTOR, SDK, selectForeign, type Foreign } from './foreign.ts'
import { BAD, RUNS } from './outcomes.ts'
import { is, isNot, labelOf, maxBy, select, sumBy, type Matcher, type Selection } from './promql.ts'
import { gained, numberOf } from './rules/idioms.ts'
import { scopeOf } from './variables.ts'

type Where = Readonly<Record<string, Matcher>>

export class Expressions {
  readonly scope: string
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
    this.scope = scopeOf(config)
  }

  of(metric: MetricName, where: Where = {}, part?: Selection['part']): string {
    return select(metric, { scope: this.scope, where, ...(part && { part }) })
  }

  foreign(metric: Foreign, where: Readonly<Record<string, string>> = {}): string {
    return selectForeign(metric, this.scope, where)
  }

  /** How many ended so within the range, also in processes and tasks that are new. */
  ended(outcomes: readonly string[], { by, range, task }: Ended): string {
    const where = { ...task, [names.TASK_OUTCOME]: is(...outcomes) }
    return sumBy(by, grown(this.of(names.SETTLED, where), range))
  }

  /** Of the runs that ended: 0 where none did. */
  failureRatio(ended: Ended, fewest = 1): string {
    return `${this.ended(BAD, ended)} / clamp_min(${this.ended(RUNS, ended)}, ${fewest})`
  }

  /** By task, the part of its runs that may fail: as its definition says, or the installation. */
  allowance(task: Where = {}): string {
    const own = this.of(names.TASK_INFO, { ...task, [names.TASK_SLO]: isNot('') })
    const standard = `${maxBy([names.TASK_NAME], this.of(names.SETTLED, task))} * 0 + ${this.#config.slo}`
    return `(1 - (${numberOf(own, labelOf(names.TASK_SLO), [names.TASK_NAME])} or ${standard}))`
  }

  /** By task, how long its oldest attempt has run, as a part of what is too long: from 1 on it hangs. */
  runningTooLong(task: Where = {}): string {
    const { hungTimeouts, hungWithoutTimeout } = this.#config.thresholds
    const by = [names.TASK_NAME]
    const timed = this.of(names.TASK_INFO, { ...task, [names.TASK_TIMEOUT]: isNot('') })
    const age = maxBy(by, this.of(names.OLDEST_RUNNING_AGE, task))
    const limit = `${numberOf(timed, labelOf(names.TASK_TIMEOUT), by)} * ${hungTimeouts} + ${GRACE} or ${age} * 0 + ${hungWithoutTimeout}`
    return `${age} / (${limit})`
  }

  /** By task, the part of its error budget that is left: 1 when nothing failed, below 0 when it failed its objective. */
  budgetLeft(range: string, task: Where = {}): string {
    const ratio = this.failureRatio({ by: [names.TASK_NAME], range, task }, this.#config.thresholds.minRuns)
    return `1 - (${ratio}) / ${this.allowance(task)}`
  }

  /** By instance: accepted less ended less in flight. */
  ledger(): string {
    const accepted = this.of(names.SUBMISSIONS, { [names.SUBMISSION_RESULT]: is('accepted', 'fetched') })
    const by = [...INSTANCE]
    return `${sumBy(by, accepted)} - ${sumBy(by, this.of(names.SETTLED))} - ${sumBy(by, this.of(names.COUNT))}`
  }

  /** By instance: when it was last heard, in Unix seconds. */
  heard(range = '$__range'): string {
    const last = `timestamp(${this.of(names.RUNNER_INFO)})`
    // The steps of a subquery lie on whole minutes: without the first half it would be up to a minute behind.
    return maxBy([...INSTANCE], `${last} or max_over_time(${last}[${range}:1m])`)
  }

  /** By instance that is silent: what it had in flight when it was last heard. One that closed had nothing. */
  vanished(): string {
    const last = `${sumBy([...INSTANCE], `last_over_time(${this.of(names.COUNT)}[$__range])`)} > 0`
    const alive = `${maxBy([...INSTANCE], `timestamp(${this.of(names.COUNT)})`)} > time() - ${this.#config.thresholds.stale}`
    return `${last} unless on (job, instance) (${alive})`
  }

  /** Zero, if anything reports, where `expr` finds nothing: to be told from nobody reporting. */
  orZero(expr: string): string {
    return `(${expr}) or max(${this.of(names.RUNNER_INFO)}) * 0`
  }

  /** Spans and log lines that the SDK dropped or could not send, within the range. It does not count its own points. */
  sdkDropped(range: string): string {
    const failed = [SDK.spansProcessed, SDK.logsProcessed]
    const selectors = failed.map((metric) => this.foreign(metric, { error_type: '!=""' }))
    return sumOf(selectors, { range, while: this.of(names.RUNNER_INFO) })
  }

  quantile(q: number, by: readonly string[], histogram: string): string {
    return `histogram_quantile(${q}, ${sumBy(['le', ...by], `rate(${histogram}[$__rate_interval])`)})`
  }
}

/** Until an export has said that an attempt was let go, which the alert waits for as well. */
const GRACE = 60

export interface Ended {
  readonly by: readonly string[]
  readonly range: string
  readonly task?: Where
}

export const INSTANCE = ['job', 'instance'] as const

/** What the collectors could neither queue nor send, within the range. What they refuse is tried again by who sent it. */
export function collectorLost(scope: string, range: string): string {
  const lost = Object.entries(COLLECTOR).filter(([key]) => /^(unsent|unqueued)/.test(key))
  const selectors = lost.map(([, metric]) => selectForeign(metric, scope))
  return sumOf(selectors, { range, while: selectForeign(COLLECTOR.uptime, scope) })
}

/** Of counters that may not be there yet; nothing at all unless something else is. */
const sumOf = (selectors: readonly string[], { range, while: present }: { range: string; while: string }): string =>
  [`max(${present}) * 0`, ...selectors.map((selector) => `(${sumBy([], grown(selector, range))} or vector(0))`)].join(
    ' + ',
  )

/** Of bars: what each counts lies within its own width, so that what is counted once is seen once. */
export const BAR = '$__interval'

/** How much each series of a counter grew within `range`, also if it was born within it, in whole numbers. */
export const grown = (selector: string, range: string): string => `(${gained(selector, range)})`

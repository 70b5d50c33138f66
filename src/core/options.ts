import { InvalidOptionError } from './errors.ts'
import type { RetryPolicy } from './retry.ts'
import { clean, cut, shortText } from './text.ts'
import type { AddOptions, RateLimit, ResolvedSettings, TaskSettings } from './task.ts'
import type { TaskLabels } from './task-labels.ts'

export interface Limits {
  /** Tasks running at the same time in this process. @default 100 */
  readonly concurrency?: number
  /** Accepted tasks that have not ended; an `add` beyond it is overload. @default 10000 */
  readonly maxPending?: number
  /** Tasks of one request that have not ended: a stream may go on adding as they end. Duplicates are none. @default 1000 */
  readonly maxPerRequest?: number
  /** How deep tasks may add tasks. @default 10 */
  readonly maxDepth?: number
  /** How long a response that does not settle (SSE, a slow reader) holds its tasks back; milliseconds. @default 60000 */
  readonly maxHoldMs?: number
  /** How long an aborted task may ignore its signal before it counts as stuck and loses its slot; milliseconds. @default 5000 */
  readonly graceMs?: number
  /** How long the event loop may stand still before the task that did it is named; milliseconds, `Infinity` for never. @default 100 */
  readonly blockWarnMs?: number
  /** How long a request waits for a durable engine to store its tasks, before it is answered with 503; milliseconds. @default 2000 */
  readonly persistTimeoutMs?: number
  /** How large an input of a durable task may be, as JSON; bytes. @default 1048576 */
  readonly maxInputBytes?: number
  /** How often workers may be lost while they run a durable task before it is given up: it may be what kills them. @default 3 */
  readonly maxLostClaims?: number
  /** How long after its end a task's floating rejection is still contained; milliseconds. @default 10000 */
  readonly containMs?: number
}

export const DEFAULT_LIMITS: Required<Limits> = {
  concurrency: 100,
  maxPending: 10_000,
  maxPerRequest: 1_000,
  maxDepth: 10,
  maxHoldMs: 60_000,
  graceMs: 5_000,
  blockWarnMs: 100,
  persistTimeoutMs: 2_000,
  maxInputBytes: 1_048_576,
  maxLostClaims: 3,
  containMs: 10_000,
}

const ONCE: Required<RetryPolicy> = {
  attempts: 1,
  backoff: 'exponential',
  baseDelayMs: 500,
  maxDelayMs: 60_000,
  jitter: true,
}

export const DEFAULT_SETTINGS: ResolvedSettings = {
  retry: ONCE,
  timeoutMs: 30_000,
  runOn: 'settled',
  relation: 'auto',
  expected: [],
  engine: 'default',
  onOverload: 'throw',
  concurrency: Infinity,
  maxPending: Infinity,
  rateLimit: undefined,
}

/** Later wins, field by field. A retry policy replaces the one before it and takes what it leaves out from the defaults. */
export function resolveSettings(
  base: ResolvedSettings,
  settings: TaskSettings | undefined,
  where: string,
): ResolvedSettings {
  if (!settings) return base
  checkSettings(settings, where)
  const { retry, timeoutMs, runOn, relation, expected, engine, onOverload, concurrency, maxPending, rateLimit } =
    settings
  return {
    retry: retry === undefined ? base.retry : retry === false ? ONCE : { ...ONCE, ...withoutUndefined(retry) },
    timeoutMs: timeoutMs ?? base.timeoutMs,
    runOn: runOn ?? base.runOn,
    relation: relation ?? base.relation,
    expected: expected ?? base.expected,
    engine: engine ?? base.engine,
    onOverload: onOverload ?? base.onOverload,
    concurrency: concurrency ?? base.concurrency,
    maxPending: maxPending ?? base.maxPending,
    rateLimit: rateLimit ?? base.rateLimit,
  }
}

export function resolveLimits(limits: Limits = {}): Required<Limits> {
  const where = 'createTasks({ limits })'
  refuseUnknown(limits, DEFAULT_LIMITS, where)
  for (const key of Object.keys(limits) as (keyof Limits)[]) {
    if (key.endsWith('Ms')) checkMs({ [key]: limits[key] }, where)
    else checkCount({ [key]: limits[key] }, where)
  }
  return { ...DEFAULT_LIMITS, ...withoutUndefined(limits) }
}

function checkSettings(settings: TaskSettings, where: string): void {
  refuseUnknown(settings, DEFAULT_SETTINGS, where)
  const { retry, timeoutMs, runOn, relation, expected, engine, onOverload, concurrency, maxPending, rateLimit } =
    settings
  if (concurrency !== Infinity) checkCount({ concurrency }, where)
  if (maxPending !== Infinity) checkCount({ maxPending }, where)
  if (rateLimit) checkRateLimit(rateLimit, where)
  if (retry) checkRetry(retry, where)
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    throw invalid(where, 'a positive number of milliseconds, or Infinity')('timeoutMs', timeoutMs)
  checkOneOf({ runOn }, ['settled', 'sent', 'success'], where)
  checkOneOf({ relation }, ['auto', 'child', 'link'], where)
  checkOneOf({ onOverload }, ['throw', 'drop'], where)
  if (expected !== undefined && !(Array.isArray(expected) && expected.every((one) => typeof one === 'function')))
    throw invalid(where, 'an array of error classes')('expected', expected)
  if (engine !== undefined && typeof engine !== 'string')
    throw invalid(where, 'the name of an engine')('engine', engine)
}

function checkRateLimit(rateLimit: RateLimit, where: string): void {
  refuseUnknown(rateLimit, { max: 0, perMs: 0 }, `${where} rateLimit`)
  checkCount({ max: rateLimit.max }, `${where} rateLimit`)
  checkMs({ perMs: rateLimit.perMs }, `${where} rateLimit`)
}

function checkRetry(retry: RetryPolicy, where: string): void {
  refuseUnknown(retry, ONCE, `${where} retry`)
  checkCount({ attempts: retry.attempts }, `${where} retry`)
  checkOneOf({ backoff: retry.backoff }, ['fixed', 'exponential'], `${where} retry`)
  checkMs({ baseDelayMs: retry.baseDelayMs }, `${where} retry`)
  checkMs({ maxDelayMs: retry.maxDelayMs }, `${where} retry`)
}

const ADD_OPTIONS: Required<AddOptions> = {
  after: [],
  onDependencyFailure: 'skip',
  delayMs: 0,
  expiresMs: 0,
  priority: 'normal',
  key: '',
  override: {},
  transaction: undefined,
}

/**
 * What was given, checked and copied: read once, so that a getter cannot say something else later, nor the caller change for
 * a task that waits what it is waiting for.
 */
export function ownAddOptions(given: AddOptions, where: string): AddOptions {
  if (typeof given !== 'object') throw invalid(where, 'an object')('options', given)
  const options = { ...given }
  checkAddOptions(options, where)
  return options
}

function checkAddOptions(options: AddOptions, where: string): void {
  refuseUnknown(options, ADD_OPTIONS, where)
  checkMs({ delayMs: options.delayMs }, where)
  if (options.delayMs === Infinity) throw invalid(where, 'finite, or the task never starts')('delayMs', Infinity)
  checkMs({ expiresMs: options.expiresMs }, where)
  if (options.key !== undefined && (typeof options.key !== 'string' || options.key === ''))
    throw invalid(where, 'a text that is not empty')('key', options.key)
  checkOneOf({ priority: options.priority }, ['low', 'normal', 'high'], where)
  checkOneOf({ onDependencyFailure: options.onDependencyFailure }, ['skip', 'run'], where)
  if (options.after !== undefined && !Array.isArray(options.after))
    throw invalid(where, 'an array of task handles')('after', options.after)
}

/** Names end up in metrics, logs and terminals. */
export function checkName(name: unknown, where: string, key = 'name'): asserts name is string {
  if (typeof name !== 'string' || name.trim() === '') throw invalid(where, 'a name that is not empty')(key, name)
  if (name.length > 200) throw invalid(where, 'at most 200 characters')(key, `${name.slice(0, 20)}…`)
  if (clean(name) !== name) throw invalid(where, 'a name without control characters')(key, name)
}

export function checkLabels({ owner, slo }: TaskLabels, where: string): void {
  if (owner !== undefined) checkName(owner, where, 'owner')
  if (slo !== undefined && !(typeof slo === 'number' && slo > 0 && slo < 1))
    throw invalid(where, 'a part above 0 and below 1, such as 0.99')('slo', slo)
}

/** `given` is one option by its name, or none. */
type Given = Readonly<Record<string, unknown>>

const check = (
  given: Given,
  fits: (value: unknown) => boolean,
  refusal: (key: string, value: unknown) => Error,
): void => {
  for (const [key, value] of Object.entries(given)) if (value !== undefined && !fits(value)) throw refusal(key, value)
}

export const checkCount = (given: Given, where: string): void =>
  check(given, (value) => Number.isInteger(value) && (value as number) >= 1, invalid(where, 'a whole number from 1'))

export const checkMs = (given: Given, where: string): void =>
  check(given, (value) => typeof value === 'number' && value >= 0, invalid(where, 'a number of milliseconds from 0'))

const checkOneOf = (given: Given, allowed: readonly unknown[], where: string): void =>
  check(
    given,
    (value) => allowed.includes(value),
    invalid(where, allowed.map((one) => `'${String(one)}'`).join(' or ')),
  )

/** A misspelt option would silently do nothing. */
export function refuseUnknown(given: object, known: object, where: string): void {
  for (const key of Object.keys(given))
    if (!Object.hasOwn(known, key))
      throw new InvalidOptionError(
        `${where}: there is no option '${shortText(key)}'; there are ${Object.keys(known).join(', ')}`,
      )
}

/** The one template. */
const invalid =
  (where: string, expected: string) =>
  (key: string, value: unknown): InvalidOptionError =>
    new InvalidOptionError(`${where}: expected \`${key}\` to be ${expected}, got ${shown(value)} (${typeof value})`)

function shown(value: unknown): string {
  try {
    return typeof value === 'string' ? JSON.stringify(cut(value, 80)) : shortText(cut(String(value), 80))
  } catch {
    return 'something that cannot be shown'
  }
}

const withoutUndefined = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T

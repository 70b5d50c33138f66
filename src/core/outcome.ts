import { GaveUpError, isError, toError } from './errors.ts'
import { retryDelay, type RetryRequest } from './retry.ts'
import type {
  AttemptOutcome,
  Completed,
  Outcome,
  RequestFacts,
  ResolvedSettings,
  ResponseClass,
  Retried,
} from './task.ts'

/** What the handler or its middleware decided by `task.retry()`, `fail()` or `discard()`; the last call counts. */
export type Decision =
  | ({ readonly kind: 'retry' } & RetryRequest)
  | { readonly kind: 'fail'; readonly reason: string }
  | { readonly kind: 'discard'; readonly reason: string }

export type AbortCause = 'timeout' | 'cancel' | 'drain'

/** Everything the outcome of one attempt depends on. */
export interface AttemptEnd {
  /** Number of this attempt, from 1. */
  readonly attempt: number
  readonly settings: ResolvedSettings
  readonly value: unknown
  /** What the handler itself threw, whether or not middleware swallowed it. */
  readonly handlerThrew: Thrown | undefined
  /** False if no middleware called `next()` down to the handler. */
  readonly handlerCalled: boolean
  readonly decision: Decision | undefined
  readonly aborted: { readonly cause: AbortCause; readonly reason: Error } | undefined
}
/** Why nothing more is to come of an attempt that ended already. */
export interface Stopped {
  readonly cause: 'cancel' | 'drain'
  readonly why: string
}
export interface Thrown {
  readonly value: unknown
}

/** The commonest end by far, made once. */
const COMPLETED_AT_FIRST: Outcome = Object.freeze({ outcome: 'completed', value: undefined, attempts: 1 })

/** Turns whatever came out of the work ring into an outcome. Total, and pure but for the jitter of the delay. */
export function decideOutcome(end: AttemptEnd, threw: Thrown | undefined): AttemptOutcome {
  const { attempt: attempts, decision, aborted } = end
  if (!threw && !decision) return completed(end)
  const thrown = threw ?? end.handlerThrew
  const error = thrown && toError(thrown.value)
  if (decision?.kind === 'discard')
    return { outcome: 'discarded', reason: decision.reason, attempts, ...(error && { error }) }
  const stopped = aborted?.cause === 'cancel' || aborted?.cause === 'drain' ? aborted : undefined
  if (stopped) {
    const outcome = stopped.cause === 'cancel' ? 'cancelled' : 'interrupted'
    return { outcome, reason: stopped.reason.message, attempts, ...(error && error !== stopped.reason && { error }) }
  }
  if (decision?.kind === 'fail') return failed(end, error, decision.reason)
  if (decision) return retriedIfLeft(end, decision, error)
  return byPolicy(end, error ?? toError(undefined))
}

/** A retry asked for counts like any other: who never stops asking must not run for ever. */
function retriedIfLeft(end: AttemptEnd, asked: RetryRequest, error: Error | undefined): AttemptOutcome {
  const { attempt, settings } = end
  const { attempts } = settings.retry
  if (attempt < attempts || asked.beyondAttempts === true) {
    const afterMs = usable(asked.afterMs) ?? retryDelay(settings.retry, attempt)
    return { outcome: 'retried', afterMs, attempts: attempt, ...(error && { error }) }
  }
  const reason = `a retry was asked for, but this was attempt ${attempt} of ${attempts} (retry.attempts)`
  return (error && ifExpected(end, error)) ?? failed(end, error, reason)
}

function byPolicy(end: AttemptEnd, error: Error): AttemptOutcome {
  const { attempt, settings } = end
  const expected = ifExpected(end, error)
  if (expected) return expected
  if (attempt < settings.retry.attempts)
    return { outcome: 'retried', error, afterMs: retryDelay(settings.retry, attempt), attempts: attempt }
  return failed(end, error)
}

function ifExpected({ attempt, settings }: AttemptEnd, error: Error): Outcome | undefined {
  return settings.expected.some((expected) => isInstance(error, expected))
    ? { outcome: 'discarded', reason: `${nameOf(error)} is expected`, error, attempts: attempt }
    : undefined
}

function failed({ attempt: attempts, aborted }: AttemptEnd, thrown: Error | undefined, reason?: string): Outcome {
  const error = thrown ?? new GaveUpError(reason)
  return { outcome: aborted ? 'timed_out' : 'failed', error, attempts, ...(reason !== undefined && { reason }) }
}

function completed({ attempt: attempts, value, handlerThrew, handlerCalled }: AttemptEnd): Outcome {
  if (!handlerCalled) return { outcome: 'skipped', reason: 'work middleware did not call next()', attempts }
  if (value === undefined && attempts === 1 && !handlerThrew) return COMPLETED_AT_FIRST
  const outcome: Completed = { outcome: 'completed', value }
  return handlerThrew ? { ...outcome, handled: toError(handlerThrew.value), attempts } : { ...outcome, attempts }
}

function nameOf(error: Error): string {
  try {
    const name: unknown = error.name
    return typeof name === 'string' ? name : 'the error'
  } catch {
    return 'the error'
  }
}

/** A user's class with a hostile `Symbol.hasInstance` must not decide how its task ends by throwing. */
function isInstance(error: Error, expected: abstract new (...args: never[]) => Error): boolean {
  try {
    return error instanceof expected
  } catch {
    return false
  }
}

/** Why a task whose response ended like this does not run, or undefined if it does. */
export function skippedBy(
  settings: ResolvedSettings,
  response: ResponseClass,
  statusCode: number | undefined,
): string | undefined {
  if (settings.runOn === 'settled') return undefined
  if (response !== 'sent') return `runOn '${settings.runOn}': the response was aborted`
  if (settings.runOn === 'sent') return undefined
  return statusCode !== undefined && statusCode >= 200 && statusCode < 400
    ? undefined
    : `runOn 'success': the response was ${statusCode ?? 'unknown'}`
}

/** The same for a request of which all is known that will be; undefined as well while it is not answered yet. */
export function skippedAfterRequest(
  settings: ResolvedSettings,
  { response, statusCode, stored }: RequestFacts & { readonly stored?: boolean | undefined },
): string | undefined {
  if (settings.runOn === 'settled') return undefined
  if (response) return skippedBy(settings, response, statusCode)
  if (!stored) return undefined
  if (settings.runOn === 'success') return skippedBy(settings, 'sent', statusCode)
  return `runOn 'sent': the task that adds it came out of a store, where nothing is known of how the response ended`
}

/** Whether it is to run after a request that was answered like this; false while that is not known. */
export const wantedAfter = (settings: ResolvedSettings, { response, statusCode }: RequestFacts): boolean =>
  response !== undefined && skippedBy(settings, response, statusCode) === undefined

export const DUE_TOO_LATE = 'it was due only after the drain'

/** What becomes of a retry if the task was cancelled or drained meanwhile, or has only `msLeft` to start again. */
export function retriedUnless(stopped: Stopped | undefined, retried: Retried, msLeft: number): AttemptOutcome {
  const { attempts, error, afterMs } = retried
  const of = { attempts, ...(error && { error }) }
  if (stopped) return { outcome: stopped.cause === 'cancel' ? 'cancelled' : 'interrupted', reason: stopped.why, ...of }
  return afterMs > msLeft ? { outcome: 'interrupted', reason: DUE_TOO_LATE, ...of } : retried
}

/** What goes back to its store is to run again, and has ended in this process all the same. */
export const goesBack = ({ outcome }: AttemptOutcome): boolean => outcome === 'retried' || outcome === 'interrupted'

export const errorOf = (outcome: AttemptOutcome): Error | undefined =>
  'error' in outcome && isError(outcome.error) ? outcome.error : undefined

const usable = (ms: number | undefined): number | undefined =>
  typeof ms === 'number' && ms >= 0 && ms < Infinity ? ms : undefined

/** `attempts` include the first. Delays: `random(0, min(maxDelayMs, baseDelayMs * 2^(n-1)))`, or `baseDelayMs` when fixed. */
export interface RetryPolicy {
  /** How often the task may run in all. Whole number from 1. */
  readonly attempts: number
  /** @default 'exponential' */
  readonly backoff?: 'fixed' | 'exponential'
  /** @default 500 */
  readonly baseDelayMs?: number
  /** @default 60000 */
  readonly maxDelayMs?: number
  /** Full jitter spreads retries that failed together. @default true */
  readonly jitter?: boolean
}

/** What `task.retry()` takes. */
export interface RetryRequest {
  /** Milliseconds until then, such as a `Retry-After`. @default as the task's retry policy computes it */
  readonly afterMs?: number | undefined
  /** Past `retry.attempts` too, without an end: bound it by `expiresMs` or by looking at `task.attempt`. @default false */
  readonly beyondAttempts?: boolean | undefined
}

/** More would be infinite, and nothing times infinity is no number. */
const MAX_DOUBLINGS = 52

/**
 * Milliseconds until the attempt after attempt number `attempt` (from 1). Exponential with full jitter:
 * `random(0, min(maxDelayMs, baseDelayMs * 2^(attempt-1)))`, so that what failed together does not come back together
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export function retryDelay(policy: Required<RetryPolicy>, attempt: number, random: () => number = Math.random): number {
  const full =
    policy.backoff === 'fixed'
      ? Math.min(policy.maxDelayMs, policy.baseDelayMs)
      : Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS))
  return policy.jitter && policy.backoff === 'exponential' ? full * random() : full
}

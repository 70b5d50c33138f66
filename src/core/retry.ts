import type { RetryPolicy } from './task.ts'

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

import type { Observers } from './observers.ts'
import type { Submission } from './submission.ts'

/**
 * Once per request: how long after its response settled the first of its tasks started. Only a task counts that waited for
 * nothing but that response, since a delay, a dependency or the response of another request says nothing of the runner.
 */
export function noteFirstStart(submission: Submission, startedAt: number, observers: Observers): void {
  const { options, enteredAt } = submission
  const { request } = submission.origin
  if (request?.settledAt === undefined) return
  if (enteredAt > request.settledAt || submission.dependencies || options.delayMs || options.key !== undefined) return
  const gapMs = Math.max(0, startedAt - request.settledAt)
  request.settledAt = undefined
  observers.firstStart(request, gapMs)
}

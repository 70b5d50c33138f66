import type { Clock } from '../../core/clock.ts'
import type { Submission } from '../../core/submission.ts'
import type { Seen } from './added-task.ts'
import type { Line } from './line.ts'

/** What decides whether something more happens to a task without the test doing anything. */
export interface Stirring {
  readonly clock: Clock
  readonly line: Pick<Line, 'willStart'>
  /** Whether time passes by itself. */
  readonly real: boolean
}

/** Whether something more happens to a task by itself: it runs, it will start, or its response is still to settle. */
export function isRestless(submission: Submission, stirring: Stirring): boolean {
  const { state, readyAt = 0, dependencies = [] } = submission
  if (submission.outcome) return false
  switch (state) {
    case 'running':
    case 'held':
      return true
    case 'queued':
      return stirring.line.willStart(submission)
    case 'delayed':
    case 'backoff':
      return stirring.real || (readyAt <= stirring.clock.now() && stirring.line.willStart(submission))
    case 'blocked':
      return dependencies.some((one) => isRestless(one, stirring))
    default:
      return state satisfies never
  }
}

/** For a message: where a task that has not ended is. */
export function whereIs({ submission, name, by }: Seen): string {
  const { state, attempt, settings } = submission
  switch (state) {
    case 'running':
      return `'${name}' runs (attempt ${attempt} of ${settings.retry.attempts})`
    case 'held':
      return `'${name}' waits for the response to ${by()}, which has not settled`
    case 'backoff':
      return `'${name}' waits for its next attempt (${attempt} of ${settings.retry.attempts})`
    case 'delayed':
      return `'${name}' waits for its delay of ${submission.delayMs} ms`
    case 'blocked':
      return `'${name}' waits for the tasks it comes after`
    case 'queued':
      return `'${name}' is ready to run and was not run`
    default:
      return state satisfies never
  }
}

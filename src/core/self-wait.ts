import { WaitsForItselfError } from './errors.ts'
import type { Submission } from './submission.ts'

const WAITS_FOR_ITSELF_MS = 1_000

/**
 * Someone waits for a task. In the handler whose response the task waits for, awaiting that would never come back; reading a
 * promise is fine, so it is told only if the handler is still at it a while later.
 */
export function watchForItself(submission: Submission, tell: (error: Error) => void): void {
  const { holder, clock } = submission.origin
  if (!holder?.handlerWaits) return
  const look = (): void => {
    if (submission.state !== 'held' || submission.outcome || !holder.handlerWaits) return
    const { name, durable } = submission
    const starts = durable ? 'is stored at the end of its request' : 'starts after its response'
    tell(new WaitsForItselfError(`task '${name}' ${starts}; the handler that waits for it has not answered yet`))
  }
  clock.setTimer(look, WAITS_FOR_ITSELF_MS).unref()
}

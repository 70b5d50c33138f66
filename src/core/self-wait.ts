import { WaitsForItselfError } from './errors.ts'
import type { Holder, Submission } from './submission.ts'

/** Tells of a handler that waits for a task which in turn waits for that handler's response, if it still does. */
export function tellIfItWaits(submission: Submission, holder: Holder, tell: (error: Error) => void): void {
  if (submission.state !== 'held' || submission.outcome || !holder.handlerWaits) return
  tell(
    new WaitsForItselfError(
      `task '${submission.name}' starts after its response; the handler that reads its \`settled\` has not answered yet`,
    ),
  )
}

import { ServicesError } from './errors.ts'
import type { Services, TaskContext } from './task.ts'

/** What opens the services of an attempt, or says why it does not. */
export const openerOf =
  (open: ((task: TaskContext) => Services) | undefined) =>
  (attempt: TaskContext & { readonly outcome: unknown }): Services =>
    open && !attempt.outcome ? open(attempt) : refuseServices(attempt.name, open !== undefined)

/** Opened once the attempt ended, as by a hook, they would never be disposed. */
function refuseServices(name: string, ended: boolean): never {
  throw new ServicesError(
    ended
      ? `task '${name}' reads task.services, but this attempt of it has ended; read it before, or use the container itself`
      : `task '${name}' reads task.services; give createTasks a container: { services }`,
  )
}

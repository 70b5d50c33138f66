import { ServicesError } from './errors.ts'

/** Opened once the attempt ended, as by a hook, they would never be disposed. */
export function refuseServices(name: string, ended: boolean): never {
  throw new ServicesError(
    ended
      ? `task '${name}' reads task.services, but this attempt of it has ended; read it before, or use the container itself`
      : `task '${name}' reads task.services; give createTasks a container: { services }`,
  )
}

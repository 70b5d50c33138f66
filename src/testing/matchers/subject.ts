import { isDefinition } from '../../core/registry.ts'
import type { TaskHandle } from '../../core/task.ts'
import type { AddedTask, Seen } from '../kit/added-task.ts'
import { TestingError } from '../kit/errors.ts'
import { pick } from '../kit/pick.ts'
import { sessionOf, sessions } from '../kit/sessions.ts'

/** What a matcher about tasks may be asked of: one of them or several, or a definition for all that were added of it. */
export type TaskSubject = AddedTask | TaskHandle | readonly (AddedTask | TaskHandle)[]

/** @throws TestingError if it is nothing of that kind, or of a kit that has been given back */
export function seenOf(subject: unknown): readonly Seen[] {
  if (Array.isArray(subject)) return subject.flatMap((one: unknown) => seenOf(one))
  const all = sessions().flatMap(({ added }) => added)
  const session = sessionOf(subject)
  if (session) return session.added.filter(({ rejected }) => !rejected)
  if (isDefinition(subject)) return pick(all, subject)
  const id = (subject as { readonly id?: unknown } | null | undefined)?.id
  const found = typeof id === 'string' ? all.filter((one) => one.id === id) : []
  if (found.length > 0) return found
  throw new TestingError(
    typeof id === 'string'
      ? 'that task was not added while its tasks were taken over, or they have been given back since'
      : 'expected a task of the kit (kit.task(sendMail), kit.tasksOf(response)), a handle of add(), a definition, or the kit itself',
  )
}

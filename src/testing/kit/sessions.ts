import type { AnyTasks } from './kit.ts'
import { SESSION, type Session } from './session.ts'

// Under a symbol: matchers of one copy of this package find the sessions of another.
const KEY = Symbol.for('koa-afterglow.testing.sessions')
const open = ((globalThis as { [KEY]?: Map<AnyTasks, Session> })[KEY] ??= new Map())

/** In the order in which they were begun. */
export const sessions = (): readonly Session[] => [...open.values()]

/** Of what `createTasks`, `takeOver` or `takeOverEach` gave. */
export function sessionOf(subject: unknown): Session | undefined {
  if (typeof subject !== 'object' || subject === null) return undefined
  return open.get(subject as AnyTasks) ?? (subject as { readonly [SESSION]?: Session })[SESSION]
}

export const register = (tasks: AnyTasks, session: Session): void => void open.set(tasks, session)

export function unregister(tasks: AnyTasks, session: Session): void {
  if (open.get(tasks) === session) open.delete(tasks)
}

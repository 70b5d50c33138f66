import { AlreadyStartedError, InvalidOptionError } from './errors.ts'
import type { TaskObserver } from './observer.ts'
import type { TaskMiddleware } from './task.ts'

/** What is put round tasks, until the first of them: from then on the rings are made and stay. */
export class Composition {
  readonly middleware: TaskMiddleware[] = []
  readonly observers: TaskObserver[] = []
  #closed = false

  use(middleware: TaskMiddleware): void {
    if (typeof middleware !== 'function') throw new InvalidOptionError('use() takes a function (task, next)')
    this.#refuseOnceClosed('use()')
    this.middleware.push(middleware)
  }

  observe(observer: TaskObserver): void {
    if (typeof observer?.name !== 'string') throw new InvalidOptionError('observe() takes an object with a `name`')
    this.#refuseOnceClosed('observe()')
    this.observers.push(observer)
  }

  /** False if it was closed before. */
  close(): boolean {
    if (this.#closed) return false
    this.#closed = true
    return true
  }

  #refuseOnceClosed(what: string): void {
    if (this.#closed) throw new AlreadyStartedError(`${what} comes too late: the first request or task has been seen`)
  }
}

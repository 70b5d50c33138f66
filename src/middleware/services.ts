import { ServicesError } from '../core/errors.ts'
import type { Services, TaskContext, TaskMiddleware } from '../core/task.ts'

/** What `createTasks({ services })` takes: awilix's container as it is, or anything of this shape. */
export interface ServiceSource {
  /** For its types alone: they are checked against `Services`. */
  readonly cradle: Services
  /** A scope for one attempt, which may be given values of its own: `scope.register({ log: asValue(task.log) })`. */
  createScope(task: TaskContext): ServiceScope
}
export interface ServiceScope {
  readonly cradle: Services
  dispose(): void | Promise<void>
}

/**
 * One scope per attempt, opened when `task.services` is first read (it costs more than the task's own bookkeeping) and
 * disposed after the work ring. A failing factory fails the attempt; a failing `dispose` is reported and changes nothing.
 */
export class ServiceScopes {
  readonly #source: ServiceSource
  readonly #open = new WeakMap<TaskContext, ServiceScope>()
  readonly #disposing = new Set<Promise<void>>()
  readonly #report: (error: unknown, task: TaskContext) => void

  constructor(source: ServiceSource, report: (error: unknown, task: TaskContext) => void) {
    if (typeof source?.createScope !== 'function')
      throw new ServicesError(
        'createTasks({ services }) takes a container with `cradle` and `createScope()`, such as awilix',
      )
    this.#source = source
    this.#report = report
  }

  /** @throws ServicesError, and what `createScope` throws: the attempt fails */
  readonly open = (task: TaskContext): Services => {
    const scope = checked(this.#source.createScope(task))
    this.#open.set(task, scope)
    return scope.cradle
  }

  readonly middleware: TaskMiddleware = async (task, next) => {
    try {
      await next()
    } finally {
      const scope = this.#open.get(task)
      // Not awaited here: work that is done must not time out, and run again, because a connection closes slowly.
      if (scope) this.#dispose(scope, task)
    }
  }

  /** Resolves once nothing is being disposed. */
  async idle(): Promise<void> {
    while (this.#disposing.size > 0) await Promise.all(this.#disposing)
  }

  #dispose(scope: ServiceScope, task: TaskContext): void {
    const disposing = Promise.resolve()
      .then(() => scope.dispose())
      .catch((error: unknown) => this.#report(error, task))
    this.#disposing.add(disposing)
    void disposing.then(() => this.#disposing.delete(disposing))
  }
}

function checked(scope: ServiceScope): ServiceScope {
  if (typeof scope?.cradle === 'object' && typeof scope.dispose === 'function') return scope
  throw new ServicesError('createScope() of createTasks({ services }) gave no scope with `cradle` and `dispose()`')
}

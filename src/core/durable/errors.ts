import { AfterglowError } from '../errors.ts'

/**
 * A durable engine did not store a task, or did not say so in time: it is not acknowledged, and may run all the same. Thrown
 * by `tasks.middleware()` once the handler is through, so that the request is answered with 503. `cause` says why.
 */
export class TasksNotStoredError extends AfterglowError {
  override readonly name = 'TasksNotStoredError' as const
  readonly code = 'ERR_AFTERGLOW_NOT_STORED' as const
  readonly status = 503
  readonly expose = true
  readonly headers = { 'Retry-After': '1' }
  readonly engine: string | undefined

  constructor(message: string, options: ErrorOptions & { readonly engine?: string } = {}) {
    super(message, options)
    this.engine = options.engine
  }
}

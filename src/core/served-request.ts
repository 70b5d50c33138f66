import type { Clock } from './clock.ts'
import type { Holder, Origin } from './submission.ts'
import type { RequestFacts, ResponseClass } from './task.ts'
import type { RequestTrace } from './tracing.ts'

/**
 * What tasks keep of the request that caused them, and what its async context carries. Once the request is over this lets
 * go of the scope, so that a task which waits for hours keeps these few facts and nothing else.
 */
export class ServedRequest implements RequestFacts, Origin {
  readonly clock: Clock
  readonly method: string
  route: string | undefined = undefined
  statusCode: number | undefined = undefined
  response: ResponseClass | undefined = undefined
  trace: RequestTrace | undefined = undefined
  settledAt: number | undefined = undefined
  #scope: Holder | undefined

  constructor(clock: Clock, method: string, scope: Holder) {
    this.clock = clock
    this.method = method
    this.#scope = scope
  }

  get traceId(): string | undefined {
    return this.trace?.spanContext?.traceId
  }
  get spanId(): string | undefined {
    return this.trace?.spanContext?.spanId
  }
  /** Undefined once the request is over: its response settled and its handler returned. */
  get holder(): Holder | undefined {
    return this.#scope
  }
  get request(): this {
    return this
  }
  get depth(): number {
    return 0
  }
  get late(): boolean {
    return false
  }

  get judged(): boolean {
    return true
  }
  get served(): boolean {
    return this.#scope !== undefined
  }

  letGo(): void {
    this.#scope = undefined
  }

  toJSON(): object {
    const { method, route, statusCode, response, traceId, spanId } = this
    return { method, route, statusCode, response, traceId, spanId }
  }
}

import { Alarm, type Clock } from './clock.ts'
import { LinkedSet } from './linked-set.ts'
import type { RequestScope } from './request-scope.ts'

/** The requests that hold tasks back now. A response that does not settle must not hold them for ever. */
export class Holding {
  readonly #scopes = new LinkedSet<RequestScope>()
  readonly #alarm: Alarm
  readonly #maxHoldMs: number
  readonly #tooLong: (scope: RequestScope, heldMs: number) => void

  constructor(clock: Clock, maxHoldMs: number, tooLong: (scope: RequestScope, heldMs: number) => void) {
    this.#maxHoldMs = maxHoldMs
    this.#tooLong = tooLong
    this.#alarm = new Alarm(clock, (now) => this.#check(now))
    // The request has a socket that keeps the process alive; this timer need not.
    this.#alarm.hold(false)
  }

  add(scope: RequestScope): void {
    this.#scopes.add(scope)
    this.#alarm.at(scope.heldSince + this.#maxHoldMs)
  }

  delete(scope: RequestScope): void {
    this.#scopes.delete(scope)
  }

  /** They are in the order in which they began to hold, near enough: the first that is not due ends the round. */
  #check(now: number): number {
    for (const scope of this.#scopes) {
      const due = scope.heldSince + this.#maxHoldMs
      if (due > now) return due
      this.#tooLong(scope, now - scope.heldSince)
    }
    return Infinity
  }
}

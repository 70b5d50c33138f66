import type { Linked } from './linked-set.ts'
import type { Clock } from './clock.ts'
import type { Holder, Origin, Submission } from './submission.ts'
import type { GateFacts } from './observer.ts'
import type { RequestFacts, ResponseClass, TaskRecord } from './task.ts'

/** What core needs of an HTTP request; `http/` makes it from Koa's `ctx` and lets go of `ctx` as early as it can. */
export interface RequestEdge {
  readonly method: string
  responseSettled(): boolean
  /** As far as known now; undefined once nothing is left to look at. */
  look(): { readonly route: string | undefined; readonly statusCode: number; readonly response: ResponseClass } | undefined
  /** Calls back once, at the first of `finish` and `close`, before any other listener. */
  onSettled(settled: () => void): void
  /** Stops keeping the request alive; what was not looked at by then may be gone. */
  letGo(): void
}

/** Whom a request tells that it holds tasks back, and gives them to when it no longer does. */
export interface GateKeeper {
  readonly clock: Clock
  startsHolding(scope: RequestScope): void
  stopsHolding(scope: RequestScope): void
  gate(facts: GateFacts): void
  letRun(submissions: readonly Submission[]): void
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
const REMEMBERED_RECORDS = 20

/**
 * One request, as far as tasks are concerned: what it added, and whether its gate is open.
 *
 * The gate opens when the response settles, or early by `release()` or `maxHoldMs`; tasks that were held start then. The
 * scope is *over* once the response settled and the handler returned: an add that still comes from its async context (a
 * loop that the handler started) is late, and a task of its own.
 */
export class RequestScope implements Holder, Linked<RequestScope> {
  readonly facts: Writable<RequestFacts>
  readonly origin: Origin
  /** Since its first add. */
  heldSince = 0
  submitted = 0
  rejected = 0
  older: RequestScope | undefined
  newer: RequestScope | undefined
  readonly #keeper: GateKeeper
  #edge: RequestEdge | undefined
  #attached = false
  #handlerReturned = false
  #settled = false
  #open = false
  #held: Submission[] = []
  #records: TaskRecord[] = []

  constructor(keeper: GateKeeper, edge: RequestEdge) {
    this.#keeper = keeper
    this.#edge = edge
    this.facts = {
      method: edge.method,
      route: undefined,
      statusCode: undefined,
      response: undefined,
      traceId: undefined,
      spanId: undefined,
    }
    this.origin = { clock: keeper.clock, request: this.facts, holder: this, depth: 0, late: false }
  }

  /** An add asks this first. If it is the first and the response settled long ago, it still learns how. */
  get over(): boolean {
    if (!this.#attached && this.#edge?.responseSettled()) {
      this.#attached = true
      this.#close()
    }
    return this.#handlerReturned && (this.#settled || !this.#edge || this.#edge.responseSettled())
  }

  get handlerWaits(): boolean {
    return !this.#handlerReturned && !this.#open
  }

  holds(submission: Submission): boolean {
    this.#attach()
    this.submitted++
    if (this.#records.length < REMEMBERED_RECORDS && !this.#settled) this.#records.push(submission)
    if (this.#open && (this.#settled || submission.settings.runOn === 'settled')) return false
    submission.gates++
    this.#held.push(submission)
    return true
  }

  holdsToo(submission: Submission): boolean {
    this.#attach()
    if (this.#open) return false
    submission.gates++
    this.#held.push(submission)
    return true
  }

  rejects(): void {
    this.#attach()
    this.rejected++
  }

  /** The middleware below `tasks.middleware()` returned or threw. */
  handlerReturned(): void {
    this.#handlerReturned = true
    if (!this.#attached) this.#edge?.letGo()
    else if (this.#settled) this.#edge = undefined
  }

  /** Opens the gate before the response settled. Tasks that asked to know the response (`runOn`) go on waiting for it. */
  release(): void {
    if (this.#open) return
    this.#attach()
    this.#look()
    this.#open = true
    this.#keeper.stopsHolding(this)
    const ready = this.#held.filter((one) => one.settings.runOn === 'settled')
    this.#held = this.#held.filter((one) => one.settings.runOn !== 'settled')
    this.#keeper.clock.setTurn(() => this.#keeper.letRun(ready))
  }

  #attach(): void {
    if (this.#attached || !this.#edge) return
    this.#attached = true
    if (this.#edge.responseSettled()) return this.#close()
    this.heldSince = this.#keeper.clock.now()
    this.#keeper.startsHolding(this)
    this.#edge.onSettled(() => this.#responseSettled())
  }

  #responseSettled(): void {
    if (!this.#open) this.#keeper.stopsHolding(this)
    this.#close()
    this.#keeper.gate({
      request: this.facts,
      submitted: this.submitted,
      records: this.#records,
      rejected: this.rejected,
    })
    this.#records = []
    const held = this.#held
    this.#held = []
    if (held.length > 0) this.#keeper.clock.setTurn(() => this.#keeper.letRun(held))
  }

  #close(): void {
    this.#look()
    this.#settled = this.#open = true
    if (this.#handlerReturned) this.#edge = undefined
  }

  #look(): void {
    const seen = this.#edge?.look()
    if (!seen) return
    this.facts.route = seen.route
    this.facts.statusCode = seen.statusCode
    this.facts.response = this.#edge?.responseSettled() ? seen.response : undefined
  }
}

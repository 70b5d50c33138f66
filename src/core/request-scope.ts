import type { Linked } from './linked-set.ts'
import type { Clock } from './clock.ts'
import { Unstored, type Store } from './durable/unstored.ts'
import { ServedRequest } from './served-request.ts'
import type { Holder, Submission } from './submission.ts'
import type { GateFacts } from './observer.ts'
import { skippedBy } from './outcome.ts'
import type { RequestEdge } from './request-edge.ts'
import type { RequestFacts, ResolvedSettings, TaskRecord } from './task.ts'

/** Whom a request tells that it holds tasks back, and gives them to when it no longer does. */
export interface GateKeeper {
  readonly clock: Clock
  startsHolding(scope: RequestScope): void
  stopsHolding(scope: RequestScope): void
  gate(facts: GateFacts): void
  /** Stores tasks of durable engines. */
  readonly store: Store
  /** `request` is how it was answered, as far as that is known; those that depend on it come only then. */
  letRun(submissions: readonly Submission[], request: RequestFacts): void
}

const REMEMBERED_RECORDS = 20

/** Few do, so that the others need no room for it: ten thousand of them may wait. */
const chainThrew = new WeakSet<RequestScope>()

/** Most requests hold no task for long; those that do not hold any keep no array. */
const NONE: readonly never[] = Object.freeze([])
const added = <T>(list: readonly T[], one: T): readonly T[] => {
  if (list === NONE) return [one]
  ;(list as T[]).push(one)
  return list
}

/**
 * One request, as far as tasks are concerned: what it added, and whether its gate is open.
 *
 * The gate opens when the response settles, or early by `release()` or `maxHoldMs`; tasks that were held start then. The
 * scope is *over* once the response settled and the handler returned: an add that still comes from its async context (a
 * loop that the handler started) is late, and a task of its own.
 */
export class RequestScope implements Holder, Linked<RequestScope> {
  readonly facts: ServedRequest
  /** Since its first add. */
  heldSince = 0
  submitted = 0
  rejected = 0
  pending = 0
  older: RequestScope | undefined
  newer: RequestScope | undefined
  readonly #keeper: GateKeeper
  #edge: RequestEdge | undefined
  #attached = false
  #handlerReturned = false
  #settled = false
  #open = false
  #starting = false
  #held: readonly Submission[] = NONE
  /** Those among the held that wait for another request, too. */
  #heldToo: Set<Submission> | undefined
  #records: readonly TaskRecord[] = NONE
  /** Most requests have no task of a durable engine. */
  #unstored: Unstored | undefined

  constructor(keeper: GateKeeper, edge: RequestEdge) {
    this.#keeper = keeper
    this.#edge = edge
    this.facts = new ServedRequest(keeper.clock, edge.method, this)
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

  adds(submission: Submission): void {
    this.#attach()
    this.submitted++
    this.pending++
    if (this.#records.length < REMEMBERED_RECORDS && !this.#settled) this.#records = added(this.#records, submission)
  }

  ends(): void {
    this.pending--
  }

  holds(submission: Submission): boolean {
    if (this.#open && !this.#starting && this.#mayStart(submission)) return false
    submission.gates++
    this.#held = added(this.#held, submission)
    return true
  }

  holdsToo(submission: Submission): boolean {
    this.#attach()
    if (this.#open && this.#mayStart(submission)) return false
    return this.#holdsOnce(submission)
  }

  holdsForResponse(submission: Submission): boolean {
    if (this.#settled || this.#mayStart(submission)) return false
    return this.#holdsOnce(submission)
  }

  /** However often a request and its tasks ask for one, it waits for the response once. */
  #holdsOnce(submission: Submission): boolean {
    const held = this.#heldToo?.has(submission) || (submission.origin === this.facts && submission.state === 'held')
    if (held) return false
    ;(this.#heldToo ??= new Set()).add(submission)
    submission.gates++
    this.#held = added(this.#held, submission)
    return true
  }

  refuses(submission: Submission): void {
    this.pending--
    this.submitted--
    this.rejected++
    this.#records = this.#records.filter((record) => record !== submission)
  }

  keeps(submission: Submission): boolean {
    const isKnown = this.#handlerReturned || this.#settled || this.#edge?.answered() === true
    if (isKnown && !chainThrew.has(this)) this.#look()
    if (isKnown || (this.#open && submission.settings.runOn === 'settled')) return false
    return (this.#unstored ??= new Unstored(this.#keeper.store)).holds(submission)
  }

  storesNow(): void {
    this.facts.route ??= this.#edge?.look()?.route
    this.#unstored?.flush()
  }

  alsoStores(storing: Promise<Error | undefined>): void {
    if (!this.#handlerReturned) (this.#unstored ??= new Unstored(this.#keeper.store)).alsoStores(storing)
  }

  skips(settings: ResolvedSettings): string | undefined {
    if (chainThrew.has(this) && !this.#settled) return `runOn '${settings.runOn}': the handler threw`
    return skippedBy(settings, this.facts.response ?? 'sent', this.facts.statusCode)
  }

  /**
   * The chain below `tasks.middleware()` returned or threw. Undefined if nothing is to be stored for it; else resolves once
   * it was, with the first reason why something was not.
   */
  chainEnded(threw: boolean): Promise<Error | undefined> | undefined {
    if (threw) chainThrew.add(this)
    if (!this.#unstored) return undefined
    if (!threw) this.#look()
    return this.#unstored.end()
  }

  rejects(): void {
    this.#attach()
    this.rejected++
  }

  /** The middleware below `tasks.middleware()` returned or threw. */
  handlerReturned(): void {
    this.#handlerReturned = true
    if (!this.#attached) this.#edge?.letGo()
    else if (this.#settled) this.#letGo()
  }

  /** Opens the gate before the response settled. Tasks that asked to know the response (`runOn`) go on waiting for it. */
  release(): void {
    if (this.#open) return
    this.#attach()
    if (this.#open) return
    this.#look()
    this.#open = true
    this.#keeper.stopsHolding(this)
    this.#unstored?.flush()
    this.#startHeld()
  }

  /** In a turn of its own, in the order of the adds: one that comes before that turn waits in line. */
  #startHeld(): void {
    if (this.#starting || this.#held.length === 0) return
    this.#starting = true
    this.#keeper.clock.setTurn(() => {
      const held = this.#held
      this.#starting = false
      this.#held = this.#settled ? NONE : held.filter((one) => !this.#mayStart(one))
      if (this.#settled) this.#heldToo = undefined
      this.#keeper.letRun(
        held.filter((one) => this.#mayStart(one)),
        this.facts,
      )
    })
  }

  #mayStart({ settings }: Submission): boolean {
    return this.#settled || settings.runOn === 'settled'
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
    const { facts: request, submitted, rejected } = this
    this.#keeper.gate({ request, submitted, records: this.#records, rejected })
    this.#records = NONE
    void this.#unstored?.end()
    // What is delayed says nothing of how soon the first task starts, and may keep these facts for hours.
    if (this.#held.some(({ options }) => !options.delayMs)) request.settledAt = this.#keeper.clock.now()
    this.#startHeld()
  }

  #close(): void {
    this.#look()
    this.#settled = this.#open = true
    if (this.#handlerReturned) this.#letGo()
  }

  #letGo(): void {
    this.#edge = undefined
    this.facts.letGo()
  }

  #look(): void {
    const seen = this.#edge?.look()
    if (!seen) return
    this.facts.route = seen.route
    this.facts.statusCode = seen.statusCode
    this.facts.response = this.#edge?.responseSettled() ? seen.response : undefined
  }
}

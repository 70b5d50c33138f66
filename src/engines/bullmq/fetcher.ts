import { runNeutral } from '../../core/clock.ts'
import type { EngineHost } from '../../core/engine.ts'
import type { Claims, Starter, TakeNext } from './claims.ts'
import type { Claim, Lane } from './lane.ts'
import { reportTo, type Store } from './store.ts'
import { BLOCK_MS, Waker, type Wake } from './waker.ts'

/** How often all queues are asked whether there is work or not: BullMQ tells one worker only, and that one may die. */
export const SWEEP_MS = BLOCK_MS
const PAUSE_MS = 500

export interface FetcherOptions {
  readonly store: Store
  readonly host: EngineHost
  readonly claims: Claims
  /** How often queues are searched for tasks whose worker is gone. */
  readonly checkMs: number
}

/** Starts tasks: the own loop over the queues, in place of BullMQ's, so that core's room and closed labels rule. */
export class Fetcher implements Starter {
  readonly #store: Store
  readonly #host: EngineHost
  readonly #claims: Claims
  readonly #waker: Waker | undefined
  readonly #checkMs: number
  #recoverFrom = 0
  readonly #intervals: readonly NodeJS.Timeout[]
  #dueTimer: NodeJS.Timeout | undefined
  #pumping: Promise<void> | undefined
  #again = false
  #stopping = false
  /** Room that is kept for claims under way. */
  #kept = 0

  constructor({ store, host, claims, checkMs }: FetcherOptions) {
    this.#store = store
    this.#host = host
    this.#claims = claims
    this.#checkMs = checkMs
    claims.starter = this
    const { blocking, commands, lanes } = store
    if (blocking)
      this.#waker = new Waker({ blocking, commands }, `${lanes.newsKey}:${store.worker}`, {
        keys: () => [lanes.newsKey, ...lanes.all.filter(({ ripe }) => !ripe).map(markerOf)],
        woken: (wake) => this.#woken(wake),
      })
    this.#intervals = [
      setInterval(() => this.sweep(), SWEEP_MS),
      // What goes wrong there is reported by `#try`.
      setInterval(() => void this.#try(() => this.#recover()), checkMs),
    ]
    // It ends by `stop`, and rejects never.
    void this.#waker?.run()
    void this.#try(() => this.#recover())
  }

  wake(): void {
    if (this.#stopping) return
    this.#again = true
    // Not in the context of the request or task that woke it.
    this.#pumping ??= runNeutral(() =>
      this.#try(() => this.#pump()).finally(() => {
        this.#pumping = undefined
        if (this.#again) this.wake()
      }),
    )
  }

  /** Asks all queues, also those that other processes made. */
  sweep(): void {
    const { lanes, commands } = this.#store
    void this.#try(async () => {
      await lanes.refresh(commands)
      for (const lane of lanes.all) lane.ripe = true
      this.wake()
    })
  }

  /** Saves a command per task, but it would starve other queues: only where no other one has work. */
  nextOf(lane: Lane): TakeNext | undefined {
    if (!lane.ripe || lane.isAtLimit || !this.#mayStart(lane)) return undefined
    if (!this.#store.lanes.isOnlyOne(lane, this.#host.closed)) return undefined
    const take = this.#claiming(lane, 1)
    return (next) => {
      if (next instanceof Error) this.#report(next)
      take(next && !(next instanceof Error) ? [next] : [])
      // Whatever came of it: if nothing started, the room that was kept for it is for others.
      this.wake()
    }
  }

  /** Resolves once nothing more starts. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const timer of this.#intervals) clearInterval(timer)
    clearTimeout(this.#dueTimer)
    this.#waker?.end()
    await this.#pumping
  }

  async #pump(): Promise<void> {
    const { closed } = this.#host
    while (this.#again && !this.#stopping) {
      this.#again = false
      for (;;) {
        const room = this.#room()
        const lane = room > 0 && !this.#stopping ? this.#store.lanes.next(closed) : undefined
        if (!lane) break
        const count = Math.min(room, lane.width)
        const take = this.#claiming(lane, count)
        const fetched = this.#host.fetching?.()
        const { claims, unreadable, failed } = await lane.claim(count)
        take(claims)
        fetched?.()
        for (const error of [...unreadable, ...failed]) this.#report(error)
        if (failed.length > 0 && claims.length === 0) return this.#later()
      }
    }
    this.#passOn()
    this.#rest()
  }

  /** Keeps room for so many, until what was claimed is taken. */
  #claiming(lane: Lane, count: number): (claims: readonly Claim[]) => void {
    this.#kept += count
    return lane.claims.ask((claims) => {
      this.#kept -= count
      this.#deliver(lane, claims)
    })
  }

  #room(): number {
    return this.#host.room() - this.#kept
  }

  #mayStart(lane: Lane): boolean {
    return !this.#stopping && this.#room() > 0 && !this.#host.closed.has(lane.label)
  }

  /** Gives back what may no longer start: a task that started just before may have closed its label or filled the room. */
  #deliver(lane: Lane, claimed: readonly Claim[]): void {
    const claims = [...lane.held, ...claimed]
    let count = 0
    while (count < claims.length && this.#mayStart(lane)) {
      const claim = claims[count++]
      if (claim) this.#claims.run(claim)
    }
    lane.delivered(count, claims.length)
    lane.held = claims.slice(count)
    if (lane.claims.size > 0) return
    // Each goes to the front, so the first one last; and therefore all of them, or none yet.
    for (const claim of lane.held.toReversed()) this.#claims.giveBack(claim)
    lane.held = []
  }

  /** Wakes that came here and cannot be used are for another worker. */
  #passOn(): void {
    for (const lane of this.#store.lanes.all) {
      if (!lane.owesWake) continue
      lane.owesWake = false
      void this.#store.commands.zadd(markerOf(lane), 0, '0').catch(() => {})
    }
  }

  /** Until something is there, or due. */
  #rest(): void {
    let dueAt = Infinity
    for (const lane of this.#store.lanes.all) {
      if (!lane.ripe) this.#waker?.include(markerOf(lane))
      dueAt = Math.min(dueAt, lane.dueAt)
    }
    clearTimeout(this.#dueTimer)
    if (dueAt === Infinity || this.#stopping) return
    this.#dueTimer = setTimeout(() => this.#due(), Math.min(Math.max(dueAt - Date.now(), 1), SWEEP_MS))
  }

  #due(): void {
    const now = Date.now()
    for (const lane of this.#store.lanes.all) if (lane.dueAt <= now) this.#ripen(lane)
    this.wake()
  }

  #woken({ key, member, score }: Wake): void {
    const { lanes, commands } = this.#store
    if (key === lanes.newsKey) {
      lanes.passOn(commands, member)
      return this.sweep()
    }
    const lane = lanes.all.find((one) => markerOf(one) === key)
    if (!lane) return
    if (score > Date.now()) lane.dueAt = Math.min(lane.dueAt, score)
    else this.#ripen(lane)
    this.wake()
  }

  #ripen(lane: Lane): void {
    lane.ripe = true
    lane.owesWake = true
    lane.dueAt = Infinity
  }

  /** Redis was away: whoever still runs a task has to be able to say so, before it counts as nobody's. */
  back(): void {
    this.#recoverFrom = performance.now() + this.#checkMs
    this.sweep()
  }

  async #recover(): Promise<void> {
    if (performance.now() < this.#recoverFrom) return
    const moved = await Promise.all(this.#store.lanes.all.map(({ backend }) => backend.moveStalledJobsToWait()))
    if (moved.some((ids) => ids.length > 0)) this.sweep()
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      this.#report(thrown)
    }
  }

  #later(): void {
    clearTimeout(this.#dueTimer)
    if (!this.#stopping) this.#dueTimer = setTimeout(() => this.wake(), PAUSE_MS)
  }

  #report(thrown: unknown): void {
    reportTo(this.#host, this.#store, thrown)
  }
}

const markerOf = ({ backend }: Lane): string => backend.keys['marker'] ?? ''

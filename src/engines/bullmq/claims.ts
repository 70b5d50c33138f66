import { setTimeout as sleep } from 'node:timers/promises'
import type { Ended, EngineHost, Envelope } from '../../core/engine.ts'
import { toError } from '../../core/errors.ts'
import type { Answer } from './backend.ts'
import { isLost, type Claim, type End, type Lane } from './lane.ts'
import type { Store } from './store.ts'

/** A claim is held, and kept alive, until the end of its run is stored. */
interface Held {
  readonly claim: Claim
  /** Once its run ended, until that is stored. */
  end?: End
  acknowledged?: Promise<void>
}

/** To be called once, with what was claimed or why that is not to be run. */
export type TakeNext = (next: Claim | Error | undefined) => void

/** Who starts tasks, and may have the step that stores an end claim the next one. */
export interface Starter {
  /** What takes that next one, if there is to be one. */
  nextOf(lane: Lane): TakeNext | undefined
  /** There may be room. */
  wake(): void
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** Another run of it in this process has not ended, although its claim was lost. */
const STILL_HERE_MS = 1_000

/** What this process runs, from its claim until its end is stored. */
export class Claims {
  readonly #store: Store
  readonly #host: EngineHost
  readonly #held = new Map<string, Held>()
  /** Runs whose claim was lost and that have not ended: what they end with is nobody's end. */
  readonly #orphans = new Set<string>()
  readonly #deadline = new AbortController()
  #noneHeld = (): void => {}
  starter: Starter | undefined

  constructor(store: Store, host: EngineHost) {
    this.#store = store
    this.#host = host
  }

  run(claim: Claim): void {
    const { envelope, lostClaims } = claim
    const { id } = envelope.record
    const before = this.#held.get(id)
    // Its claim was lost before its end could be stored, and came back here: it is not run again for that.
    if (before?.end && lostClaims > before.claim.lostClaims) return this.#end({ claim }, before.end)
    // Where its end was stored, and the answer is still to come, it is here to run again.
    if (before && !before.end) this.#orphan(before)
    if (this.#orphans.has(id)) return this.giveBack(claim, STILL_HERE_MS)
    this.#held.set(id, { claim })
    this.#host.run(envelope, this.#ended, lostClaims)
  }

  /** To where it was, or for later. It did not run. */
  giveBack(claim: Claim, afterMs?: number): void {
    const { envelope } = claim
    const ending =
      afterMs === undefined
        ? ({ outcome: 'interrupted', reason: 'not started', attempts: 0 } as const)
        : ({ outcome: 'returned', reason: 'not started', afterMs } as const)
    this.#end({ claim }, { envelope, ending })
  }

  /** Keeps the claims alive, and learns which are lost. */
  async beat(): Promise<void> {
    const byLane = Map.groupBy(this.#held.values(), ({ claim }) => claim.lane)
    await Promise.all([...byLane].map(([lane, held]) => this.#extend(lane, held)))
  }

  /** Resolves once nothing is held, or at the deadline. */
  drained(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, deadlineMs)
    this.#noneHeld = resolve
    if (this.#held.size === 0) resolve()
    return promise.finally(() => clearTimeout(timer))
  }

  /** Puts back what has not ended, and says what that is. Ends that could not be stored by now never are. */
  abandon(): { readonly left: readonly Envelope[]; readonly stored: Promise<unknown> } {
    this.#deadline.abort()
    const all = [...this.#held.values()]
    const left = all.filter(({ end }) => !end).map(({ claim }) => claim)
    this.#held.clear()
    const stored = Promise.allSettled([
      ...all.flatMap(({ acknowledged }) => acknowledged ?? []),
      // Each goes to the front, so the first one last.
      ...left.toReversed().map((claim) => claim.lane.store(claim, interrupted(claim))),
    ])
    return { left: left.map(({ envelope }) => envelope), stored }
  }

  readonly #ended: Ended = (envelope, ending, dead) => {
    const { id } = envelope.record
    const held = this.#orphans.delete(id) ? undefined : this.#held.get(id)
    if (!held || held.end) return this.starter?.wake()
    const take = ending.outcome === 'interrupted' ? undefined : this.starter?.nextOf(held.claim.lane)
    this.#end(held, { envelope, ending, dead }, take)
    if (!take) this.starter?.wake()
  }

  #end(held: Held, end: End, take?: TakeNext): void {
    held.end = end
    this.#held.set(held.claim.envelope.record.id, held)
    held.acknowledged = this.#acknowledge(held, end, take)
  }

  /** Repeated while the claim is held; the task is not run again for it. */
  async #acknowledge(held: Held, end: End, take: TakeNext | undefined): Promise<void> {
    const { claim } = held
    const { id } = claim.envelope.record
    for (let pauseMs = FIRST_PAUSE_MS; this.#held.get(id) === held; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const first = pauseMs === FIRST_PAUSE_MS
        const stored = first ? await this.#storeFirst(claim, end, take) : await this.#storeAgain(claim, end)
        // What was put back may be here again by now, under a new claim.
        if (this.#held.get(id) !== held) break
        this.#held.delete(id)
        if (!stored) this.#lost(claim.envelope)
      } catch (thrown) {
        this.#host.report({ type: 'ack_failed', error: toError(thrown), envelope: claim.envelope })
        // Also one that was fetched as the engine stopped: its store is closed, so it would be tried without a pause, for ever.
        if (this.#deadline.signal.aborted) this.#held.delete(id)
        else await sleep(pauseMs, undefined, { signal: this.#deadline.signal }).catch(() => {})
      }
    }
    if (this.#held.size === 0) this.#noneHeld()
  }

  /** False if the claim was lost. */
  async #storeFirst(claim: Claim, end: End, take: TakeNext | undefined): Promise<boolean> {
    const { lane, token } = claim
    let answer: Answer
    try {
      answer = await lane.store(claim, end, take !== undefined)
    } catch (thrown) {
      take?.(undefined)
      if (isLost(thrown)) return await this.#storeRegained(claim, end)
      throw thrown
    }
    take?.(lane.read(answer, token))
    return true
  }

  /** The answer to an earlier try may have been lost, of one that was stored. */
  async #storeAgain(claim: Claim, end: End): Promise<boolean> {
    try {
      await claim.lane.store(claim, end)
      return true
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown
      return (await this.#isStored(claim.lane, end)) || (await this.#storeRegained(claim, end))
    }
  }

  /** A claim that expired and that nobody else has is as good as before. */
  async #storeRegained(claim: Claim, end: End): Promise<boolean> {
    if ((await this.#hold(claim.lane, [claim])).size > 0) return false
    await claim.lane.store(claim, end)
    return true
  }

  async #isStored({ backend }: Lane, { envelope, ending, dead }: End): Promise<boolean> {
    const { outcome } = ending
    if (outcome === 'interrupted') return false
    const { delayed, failed, completed } = backend.keys
    const key = outcome === 'retried' || outcome === 'returned' ? delayed : dead ? failed : completed
    return (await this.#store.commands.zscore(key ?? '', envelope.record.id)) !== null
  }

  /** The ids of those that are lost. */
  async #hold({ backend }: Lane, claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    const held = claims.map(({ envelope, token }) => ({ id: envelope.record.id, token }))
    return new Set(await this.#store.hold(backend, held))
  }

  async #extend(lane: Lane, held: readonly Held[]): Promise<void> {
    const claims = held.map(({ claim }) => claim)
    const gone = await this.#hold(lane, claims)
    for (const one of held) {
      const { id } = one.claim.envelope.record
      // What is being acknowledged learns of it by that.
      if (gone.has(id) && !one.end && this.#held.get(id) === one) this.#orphan(one)
    }
    if (this.#held.size === 0) this.#noneHeld()
  }

  #orphan({ claim }: Held): void {
    const { id } = claim.envelope.record
    this.#held.delete(id)
    this.#orphans.add(id)
    this.#lost(claim.envelope)
  }

  #lost(envelope: Envelope): void {
    this.#host.report({ type: 'claim_lost', envelope })
  }
}

const interrupted = ({ envelope }: Claim): End => ({
  envelope,
  ending: { outcome: 'interrupted', reason: 'stop', attempts: envelope.attempt },
})

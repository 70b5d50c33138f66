import { setTimeout as sleep } from 'node:timers/promises'
import { runNeutral } from '../../core/clock.ts'
import type { DeathNote, Ending, EngineEvent, Envelope } from '../../core/engine.ts'
import { explained } from './errors.ts'
import type { Claim, Claimed } from './job.ts'
import { Shared } from './shared.ts'
import type { Store } from './store.ts'

/** Held, and kept alive, until the end of its run is stored. */
interface Held extends Omit<Claimed, 'claim'> {
  claim: Claim
  /** It did not run here: it is held until it is back in the store. */
  goesBack?: true
  acknowledged?: Promise<void>
}

interface End {
  readonly envelope: Envelope
  readonly ending: Ending
  readonly dead: DeathNote | undefined
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** How soon a heartbeat that failed is repeated: claims are about to be lost. */
const BEAT_AGAIN_MS = 1_000
const BEATS_PER_CLAIM = 3
/** Another run of it in this process has not ended, although its claim was lost. */
const STILL_HERE_MS = 1_000

/**
 * The claims this process holds. An acknowledgement is repeated while its claim is held, and what was acknowledged is never
 * run again for it: only a claim that is lost, or given back, lets a task run again.
 */
export class Claims {
  readonly #store: Store
  readonly #report: (event: EngineEvent) => void
  readonly #held = new Map<string, Held>()
  /** Runs whose claim was lost and that have not ended: what they end with is nobody's end. */
  readonly #orphans = new Set<string>()
  readonly #given = new AbortController()
  readonly #completing: Shared<Claim, ReadonlySet<string>>
  /** The shortest of all claims here so far. */
  #lastsMs: number
  #beat: NodeJS.Timeout | undefined
  #none = (): void => {}

  constructor(store: Store, report: (event: EngineEvent) => void) {
    this.#store = store
    this.#report = report
    this.#completing = new Shared((claims) => store.complete(claims))
    this.#lastsMs = store.settings.claimTimeoutMs
  }

  get #beatMs(): number {
    return this.#lastsMs / BEATS_PER_CLAIM
  }

  hold(task: Claimed): void {
    this.#hold(task)
  }

  /**
   * Whether this is a task that runs here still, whose claim was lost unnoticed, such as to a blocked event loop, and found its
   * way back here. It goes on under the new claim; what was put back on purpose is another row, and runs again.
   */
  adopts({ envelope, claim }: Claimed): boolean {
    const mine = this.#held.get(envelope.record.id)
    if (mine?.claim.edition !== claim.edition) return false
    mine.claim = claim
    return true
  }

  /**
   * Whether a run of it goes on here that has no claim any more: a second one would be taken for it. One that is held, and was
   * not adopted, is such a run, whose loss is noticed by this.
   */
  isOrphan({ envelope }: Claimed): boolean {
    const { id } = envelope.record
    const mine = this.#held.get(id)
    if (mine) this.#drop(mine)
    return this.#orphans.has(id)
  }

  /** For when the other run of it has ended here, or anywhere else. */
  giveBackOrphan(task: Claimed): void {
    this.#giveBack(task, { outcome: 'returned', reason: 'still runs here', afterMs: STILL_HERE_MS }, 0)
  }

  /** What did not start, and could not be put back, or nobody knows: a claim that just runs out is counted as lost. */
  giveBackAgain(task: Claimed): void {
    this.#giveBack(task, { outcome: 'interrupted', reason: 'not started', attempts: 0 }, FIRST_PAUSE_MS)
  }

  /** Whether it runs here, or its end is being stored. */
  holds(id: string): boolean {
    const mine = this.#held.get(id)
    return mine !== undefined && !mine.goesBack
  }

  end(end: End): void {
    const { id } = end.envelope.record
    const mine = this.#orphans.delete(id) ? undefined : this.#held.get(id)
    if (mine && !mine.acknowledged) mine.acknowledged = this.#acknowledge(mine, end)
  }

  /** Resolves once nothing is held, or when `giveUp` is called. */
  untilNone(): Promise<void> {
    return new Promise((resolve) => {
      this.#none = resolve
      this.#given.signal.addEventListener('abort', () => resolve(), { once: true })
      if (this.#held.size === 0) resolve()
    })
  }

  /** No acknowledgement is repeated from here on. Gives what has not ended, and a promise of what is under way. */
  giveUp(): { readonly left: readonly Claimed[]; readonly underWay: Promise<unknown> } {
    clearTimeout(this.#beat)
    this.#given.abort()
    const held = [...this.#held.values()]
    this.#held.clear()
    const underWay = Promise.all(held.flatMap(({ acknowledged }) => acknowledged ?? []))
    return { left: held.filter(({ acknowledged }) => !acknowledged), underWay }
  }

  #hold(task: Claimed): Held {
    const mine: Held = { ...task }
    this.#held.set(task.envelope.record.id, mine)
    const { lastsMs = Infinity } = task
    if (this.#beat && lastsMs >= this.#lastsMs) return mine
    this.#lastsMs = Math.min(lastsMs, this.#lastsMs)
    this.#beatAfter(this.#beatMs)
    return mine
  }

  /** It is held until that is stored. Not by `end`, which is that of a run. */
  #giveBack(task: Claimed, ending: Ending, pauseMs: number): void {
    if (this.#given.signal.aborted) return
    const mine = this.#hold(task)
    mine.goesBack = true
    mine.acknowledged = this.#acknowledge(mine, { envelope: task.envelope, ending, dead: undefined }, pauseMs)
  }

  /** With a pause it was tried before, so that it is asked first what became of that. */
  async #acknowledge(mine: Held, end: End, firstPauseMs = 0): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, pauseMs * 2), LONGEST_PAUSE_MS)) {
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: this.#given.signal }).catch(() => {})
      if (this.#held.get(end.envelope.record.id) !== mine || (pauseMs > 0 && this.#given.signal.aborted)) return
      const { claim } = mine
      try {
        const fate = pauseMs > 0 ? await this.#store.fateOf(claim) : 'held'
        const stored = fate === 'held' ? await this.#storeEnd({ envelope: end.envelope, claim }, end) : fate === 'over'
        if (!stored && mine.claim !== claim) continue
        this.#release(mine)
        if (!stored) this.#report({ type: 'claim_lost', envelope: end.envelope })
        return
      } catch (thrown) {
        if (pauseMs === 0) this.#report({ type: 'ack_failed', error: explained(thrown), envelope: end.envelope })
      }
    }
  }

  /** What was put back may be here again by now, under a new claim. */
  #release(mine: Held): void {
    const { id } = mine.envelope.record
    if (this.#held.get(id) === mine) this.#held.delete(id)
    if (this.#held.size === 0) this.#none()
  }

  /** False if the claim was not held any more. */
  async #storeEnd(task: Claimed, { ending, dead }: End): Promise<boolean> {
    const { claim } = task
    if (ending.outcome === 'interrupted') return (await this.#store.putBack([task])).has(claim.id)
    if (ending.outcome === 'retried' || ending.outcome === 'returned')
      return (await this.#store.putBack([task], ending.afterMs)).has(claim.id)
    if (dead) return this.#store.bury(task, dead)
    return (await this.#completing.run(claim)).has(claim.id)
  }

  /** There is one timer at most, whoever sets it, and not in the context of the task that is held. */
  #beatAfter(ms: number): void {
    clearTimeout(this.#beat)
    // Reports what goes wrong, and goes on.
    this.#beat = runNeutral(() => setTimeout(() => void this.#touch(), ms))
  }

  /** Keeps the claims alive, and learns which are lost. One whose end is being stored learns it there. */
  async #touch(): Promise<void> {
    const all = [...this.#held.values()].map((mine) => ({ mine, claim: mine.claim }))
    let mostMs = Infinity
    try {
      const alive = all.length > 0 ? await this.#store.touch(all.map(({ claim }) => claim)) : undefined
      for (const { mine, claim } of all) if (!alive?.has(claim.id) && mine.claim === claim) this.#drop(mine)
    } catch (thrown) {
      mostMs = BEAT_AGAIN_MS
      this.#report({ type: 'engine_error', error: explained(thrown) })
    }
    // A shorter claim may be held by now.
    if (!this.#given.signal.aborted) this.#beatAfter(Math.min(this.#beatMs, mostMs))
  }

  #drop(mine: Held): void {
    const { envelope, acknowledged } = mine
    if (acknowledged || this.#held.get(envelope.record.id) !== mine) return
    this.#orphans.add(envelope.record.id)
    this.#release(mine)
    this.#report({ type: 'claim_lost', envelope })
  }
}

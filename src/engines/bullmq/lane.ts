import type { DeathNote, Ending, Envelope } from '../../core/engine.ts'
import { EngineError, toError } from '../../core/errors.ts'
import type { Priority } from '../../core/task.ts'
import type { Answer, Backend } from './backend.ts'
import { dataOf, envelopeOf, FIELDS, revivedDataOf } from './jobs.ts'

/** One delivery of one task to this process. */
export interface Claim {
  readonly lane: Lane
  readonly envelope: Envelope
  readonly token: string
  readonly lostClaims: number
}

export interface Claimed {
  readonly claims: readonly Claim[]
  readonly errors: readonly Error[]
}

export interface LaneOptions {
  /** This process, as BullMQ shows it. */
  readonly worker: string
  readonly keepEndedMs: number
  newToken(): string
}

const MOST_CLAIMED = 16
const MOST_KEPT = 10_000
/** What this version cannot read may be from a newer one, whose workers may come. */
const UNREADABLE_MS = 60_000

/**
 * One queue of BullMQ: the tasks of one label and one priority, first in, first out. A closed label is then a queue that
 * nobody fetches from, and no priority starves: docs/decisions/0003.
 */
export class Lane {
  readonly name: string
  readonly label: string
  readonly priority: Priority
  readonly backend: Backend
  /** Whether there may be work. Only then it is asked. */
  ripe = true
  /** BullMQ wakes one worker for a task. It was this one, and it has not asked since. */
  owesWake = false
  /** When the next delayed task is due, as far as is known here, in milliseconds since the epoch. */
  dueAt = Infinity
  readonly #options: LaneOptions
  /** How many to claim at once: one while the label closes behind each start, as one at its limit does. */
  #width = MOST_CLAIMED

  constructor(named: Pick<Lane, 'name' | 'label' | 'priority'>, backend: Backend, options: LaneOptions) {
    this.name = named.name
    this.label = named.label
    this.priority = named.priority
    this.backend = backend
    this.#options = options
  }

  /** What was claimed is held here, also beside a claim that failed. */
  async claim(most: number): Promise<Claimed> {
    this.owesWake = false
    const tokens = Array.from({ length: Math.min(most, this.#width) }, () => this.#options.newToken())
    const { worker } = this.#options
    const answers = await Promise.allSettled(tokens.map((token) => this.backend.moveToActive(token, worker)))
    const claims: Claim[] = []
    const errors: Error[] = []
    for (const [index, answer] of answers.entries()) {
      const read =
        answer.status === 'fulfilled' ? this.#read(answer.value, tokens[index] ?? '') : toError(answer.reason)
      if (read && 'token' in read) claims.push(read)
      else if (read) errors.push(read)
    }
    return { claims, errors }
  }

  #read([job, id, , nextAt]: Answer, token: string): Claim | Error | undefined {
    if (!job) {
      this.ripe = false
      this.dueAt = nextAt > 0 ? nextAt : Infinity
      return undefined
    }
    const envelope = envelopeOf(job.data)
    if (envelope) return { lane: this, envelope, token, lostClaims: job.stalledCounter }
    // If this fails too, the claim on it expires.
    this.backend.moveToDelayed(String(id), Date.now(), UNREADABLE_MS, token, { skipAttempt: true }).catch(() => {})
    const forHowLong = `put back for ${UNREADABLE_MS / 1_000} s`
    return new EngineError(
      `job '${id}' of queue '${this.name}' is not a task that this version can read; ${forHowLong}`,
    )
  }

  /** How many of what was claimed could start. */
  delivered(some: number, all: number): void {
    if (all > 0) this.#width = some < all ? 1 : Math.min(this.#width * 2, MOST_CLAIMED)
  }

  /** One atomic step, and only while the claim is held. */
  async store({ token }: Claim, { envelope, ending, dead }: End): Promise<void> {
    const { id } = envelope.record
    const { outcome } = ending
    if (outcome === 'interrupted') return void (await this.backend.moveJobFromActiveToWait(id, token))
    if (outcome === 'returned') return this.#postpone({ id, token }, ending.afterMs)
    if (outcome !== 'retried') return this.#finish({ envelope, token }, outcome, dead)
    return this.#postpone({ id, token }, ending.afterMs, { data: dataOf(envelope), stc: '0' })
  }

  async #postpone({ id, token }: Named, afterMs: number, fields?: Readonly<Record<string, string>>): Promise<void> {
    const now = Date.now()
    const fieldsToUpdate = { ...fields, [FIELDS.readyAt]: String(now + afterMs) }
    await this.backend.moveToDelayed(id, now, afterMs, token, { skipAttempt: true, fieldsToUpdate })
    this.dueAt = Math.min(this.dueAt, now + afterMs)
  }

  async #finish({ envelope, token }: Pick<Claim, 'envelope' | 'token'>, how: string, dead?: DeathNote): Promise<void> {
    const { id } = envelope.record
    // BullMQ compares attempts where it stores a failure.
    const job = { id, opts: { attempts: 1 } }
    const now = Date.now()
    const ended = { age: this.#options.keepEndedMs / 1_000, count: MOST_KEPT }
    const kept = dead && { data: revivedDataOf(envelope), stc: '0', [FIELDS.deathNote]: JSON.stringify(dead) }
    const why = dead?.message ?? dead?.reason ?? how
    const args = kept
      ? this.backend.moveToFinishedArgs(job, why, 'failedReason', { count: -1 }, 'failed', token, now, false, kept)
      : this.backend.moveToFinishedArgs(job, `"${how}"`, 'returnvalue', ended, 'completed', token, now, false, NO_INPUT)
    await this.backend.moveToFinished(id, args)
  }
}

const NO_INPUT = { data: '{}' }

interface Named {
  readonly id: string
  readonly token: string
}

/** What core said of the end of a run. */
export interface End {
  readonly envelope: Envelope
  readonly ending: Ending
  readonly dead?: DeathNote | undefined
}

/** What BullMQ answers who does not hold the job, or no longer. */
const LOST = new Set<unknown>([-1, -2, -3, -6])

export const isLost = (thrown: unknown): boolean => LOST.has((thrown as { readonly code?: unknown }).code)

import type { DeathNote, Ending, Envelope } from '../../core/engine.ts'
import { EngineError, toError } from '../../core/errors.ts'
import type { Priority } from '../../core/task.ts'
import type { Answer, Backend, FinishedHow } from './backend.ts'
import { InOrder } from './in-order.ts'
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
  /** Why jobs that were there are none that can be run. */
  readonly unreadable: readonly Error[]
  /** Why it is not known whether there are any. */
  readonly failed: readonly Error[]
}

export interface LaneOptions {
  /** This process, as BullMQ shows it. */
  readonly worker: string
  readonly keepEndedMs: number
  newToken(): string
}

const MOST_CLAIMED = 16
const CAUTION = 32
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
  /** Claims under way. What was claimed first starts first. */
  readonly claims = new InOrder<readonly Claim[]>()
  /** What was claimed and may not start; those under way come behind it. */
  held: readonly Claim[] = []
  /** When the next delayed task is due, as far as is known here, in milliseconds since the epoch. */
  dueAt = Infinity
  readonly #options: LaneOptions
  /** Grows while all that were claimed are there and start. */
  #width = 1
  /** How often that has to be so before it grows again: a label at its own limit closes behind each start. */
  #caution = 0

  constructor(named: Pick<Lane, 'name' | 'label' | 'priority'>, backend: Backend, options: LaneOptions) {
    this.name = named.name
    this.label = named.label
    this.priority = named.priority
    this.backend = backend
    this.#options = options
  }

  /** How many to claim at once. */
  get width(): number {
    return this.#width
  }

  /** What is claimed beside other claims of it would go back: it closes behind each start. */
  get isAtLimit(): boolean {
    return this.#caution > 0 && this.claims.size > 0
  }

  /** What was claimed is held here, also beside a claim that failed. */
  async claim(count: number): Promise<Claimed> {
    const tokens = Array.from({ length: count }, () => this.#options.newToken())
    const { worker } = this.#options
    const answers = await Promise.allSettled(tokens.map((token) => this.backend.moveToActive(token, worker)))
    const read = answers.map((answer, index) =>
      answer.status === 'fulfilled' ? this.read(answer.value, tokens[index] ?? '') : undefined,
    )
    return {
      claims: read.filter(isClaim),
      unreadable: read.filter((one) => one instanceof Error),
      failed: answers.flatMap((answer) => (answer.status === 'rejected' ? [toError(answer.reason)] : [])),
    }
  }

  /** The claim, if there was work; or why it is none that can be run. */
  read([job, id, , nextAt = 0]: Answer, token: string): Claim | Error | undefined {
    this.owesWake = false
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
    if (some < all) this.#caution = CAUTION
    else if (this.#caution > 0) this.#caution--
    const grows = this.ripe && some === all && this.#caution === 0
    this.#width = grows ? Math.min(this.#width * 2, MOST_CLAIMED) : 1
  }

  /** One atomic step, and only while the claim is held. With `fetchNext` it claims the next one too, under the same token. */
  async store({ token }: Claim, { envelope, ending, dead }: End, fetchNext = false): Promise<Answer> {
    const { id } = envelope.record
    const { outcome } = ending
    if (outcome === 'interrupted') {
      await this.backend.moveJobFromActiveToWait(id, token)
      return NOTHING
    }
    const held = { id, token, fetchNext }
    if (outcome === 'returned') return this.#postpone(held, ending.afterMs)
    if (outcome === 'retried') return this.#postpone(held, ending.afterMs, { data: dataOf(envelope), stc: '0' })
    return this.#finish(held, dead ? buried(envelope, dead) : completed(outcome, this.#options.keepEndedMs))
  }

  async #postpone({ id, token, fetchNext }: Step, afterMs: number, fields?: Fields): Promise<Answer> {
    const now = Date.now()
    const fieldsToUpdate = { ...fields, [FIELDS.readyAt]: String(now + afterMs) }
    const how = { skipAttempt: true, fieldsToUpdate, fetchNext }
    const answer = await this.backend.moveToDelayed(id, now, afterMs, token, how)
    return (answer as Answer | undefined) ?? NOTHING
  }

  async #finish({ id, token, fetchNext }: Step, [value, field, keep, target, fields]: Finish): Promise<Answer> {
    // BullMQ compares attempts where it stores a failure.
    const job = { id, opts: { attempts: 1 } }
    const how = [value, field, keep, target, token, Date.now(), fetchNext, fields] as const
    return (await this.backend.moveToFinished(id, this.backend.moveToFinishedArgs(job, ...how))) as unknown as Answer
  }
}

/** No job and no time of one. */
const NOTHING: Answer = [null, 0, 0, 0]

const isClaim = (read: Claim | Error | undefined): read is Claim => read !== undefined && 'token' in read

interface Step {
  readonly id: string
  readonly token: string
  readonly fetchNext: boolean
}
type Fields = Readonly<Record<string, string>>
type Finish = readonly [FinishedHow[0], FinishedHow[1], FinishedHow[2], FinishedHow[3], Fields]

/** Its input is not needed any more. */
const completed = (outcome: string, keepEndedMs: number): Finish => [
  `"${outcome}"`,
  'returnvalue',
  { age: keepEndedMs / 1_000, count: MOST_KEPT },
  'completed',
  { data: '{}' },
]

const buried = (envelope: Envelope, dead: DeathNote): Finish => [
  dead.message ?? dead.reason ?? dead.outcome,
  'failedReason',
  { count: -1 },
  'failed',
  { data: revivedDataOf(envelope), stc: '0', [FIELDS.deathNote]: JSON.stringify(dead) },
]

/** What core said of the end of a run. */
export interface End {
  readonly envelope: Envelope
  readonly ending: Ending
  readonly dead?: DeathNote | undefined
}

/** What BullMQ answers who does not hold the job, or no longer. */
const LOST = new Set<unknown>([-1, -2, -3, -6])

export const isLost = (thrown: unknown): boolean => LOST.has((thrown as { readonly code?: unknown }).code)

// What is asked of pg-boss, each a statement or a transaction of its own. Nothing here decides when, or remembers anything.
import type { CommandResponse, Db, JobInsert } from 'pg-boss'
import type { DeathNote, EngineStats, Envelope } from '../../core/engine.ts'
import { EngineError } from '../../core/errors.ts'
import { claimed, deadJobOf, jobOf, plainId, type Claim, type Claimed, type FetchedJob } from './job.ts'
import type { Medium } from './medium.ts'
import type { QueueSettings } from './options.ts'
import { cancelTask, countTasks, fateOf, type Fate } from './sql.ts'

export interface FetchQuery {
  readonly batchSize: number
  readonly ignoreGroups: string[]
  readonly minPriority?: number
  readonly maxPriority?: number
}

export interface Fetched {
  readonly tasks: readonly Claimed[]
  /** Of a version of this library that this one cannot read. */
  readonly unreadable: readonly FetchedJob[]
}

export class Store {
  readonly medium: Medium
  readonly settings: QueueSettings

  constructor(medium: Medium, settings: QueueSettings) {
    this.medium = medium
    this.settings = settings
  }

  get #queue(): string {
    return this.settings.queue
  }

  /** pg-boss leaves out what it has already, so what was stored is what it names. */
  async insert(jobs: JobInsert[], db: Db = this.medium.db): Promise<ReadonlySet<string>> {
    const ids = await this.medium.boss.insert(this.#queue, jobs, { returnId: true, db })
    return new Set(ids?.map(plainId))
  }

  async fetch(query: FetchQuery): Promise<Fetched> {
    const { boss, db } = this.medium
    const jobs: FetchedJob[] = await boss.fetch<Envelope>(this.#queue, { ...query, db })
    const readable = (job: FetchedJob): boolean => job.data?.v === 1
    return { tasks: jobs.filter(readable).map(claimed), unreadable: jobs.filter((job) => !readable(job)) }
  }

  /** Names the claims that were still held, and so are ended now. */
  async complete(claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    const { boss, db } = this.medium
    return settled(await boss.complete(this.#queue, [...claims], null, { db }))
  }

  /** Names the claims that are still held. */
  async touch(claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    const { boss, db } = this.medium
    return settled(await boss.touch(this.#queue, [...claims], { db }))
  }

  /** Ended, and kept with its note, or neither. False if the claim was not held any more. */
  bury(task: Claimed, dead: DeathNote): Promise<boolean> {
    const { boss } = this.medium
    const { claim } = task
    return this.medium.transaction(async (db) => {
      const ended = settled(await boss.complete(this.#queue, [claim], null, { db }))
      if (ended.size === 0) return false
      await boss.deleteJob(this.settings.deadQueue, claim.id, { db })
      await boss.insert(this.settings.deadQueue, [deadJobOf(task, dead)], { db })
      return true
    })
  }

  /**
   * Gone and stored anew, or neither. Not `fail`: after it the next claim looks like one after a crash. Names the claims that
   * were still held.
   */
  putBack(items: readonly Claimed[], afterMs = 0): Promise<ReadonlySet<string>> {
    return this.#replace(
      items.map(({ claim, envelope }) => [claim, jobOf(envelope, { afterMs, edition: claim.edition + 1 })]),
    )
  }

  /** As it is, since it cannot be read. */
  setAside(jobs: readonly FetchedJob[], afterMs: number): Promise<unknown> {
    return this.#replace(
      jobs.map(({ id, retryCount, data, groupId, groupTier }) => {
        const edition = Number(groupTier ?? 0)
        const group = groupId ? { group: { id: groupId, tier: String(edition + 1) } } : {}
        return [
          { id, retryCount, edition },
          { id, data, startAfter: afterMs / 1_000, ...group },
        ]
      }),
    )
  }

  async #replace(items: readonly (readonly [Claim, JobInsert])[]): Promise<ReadonlySet<string>> {
    if (items.length === 0) return new Set()
    return this.medium.transaction(async (db) => {
      const claims = items.map(([claim]) => claim)
      const gone = settled(await this.medium.boss.deleteJob(this.#queue, claims, { db }))
      const jobs = items.filter(([{ id }]) => gone.has(id)).map(([, job]) => job)
      const stored = jobs.length > 0 ? await this.insert(jobs, db) : jobs
      if (sizeOf(stored) !== jobs.length) throw new EngineError('what was put back was not stored')
      return gone
    })
  }

  /** What became of a claim after a statement of which nobody knows whether it was carried out. */
  fateOf(claim: Claim): Promise<Fate> {
    return fateOf(this.medium.db, this.settings, claim)
  }

  cancel(id: string): Promise<'waiting' | 'running' | 'unknown'> {
    return cancelTask(this.medium.db, this.settings, id)
  }

  stats(): Promise<EngineStats> {
    return countTasks(this.medium.db, this.settings)
  }
}

const sizeOf = (stored: ReadonlySet<string> | readonly unknown[]): number =>
  'size' in stored ? stored.size : stored.length

/** Commands name the jobs they changed, which the types of pg-boss leave out. */
const settled = (response: CommandResponse): ReadonlySet<string> =>
  new Set((response as { readonly settled: readonly string[] }).settled)

import { PGlite } from '@electric-sql/pglite'
import { fromPglite, PgBoss, type Db, type JobAttempt } from 'pg-boss'
import type { EngineStats } from '../../src/core/engine.ts'
import { lockStore } from './pg-boss-store-lock.ts'

export interface StoreOptions {
  /** Folder of the data. */
  readonly pglite: string
  /** @default 'afterglow' */
  readonly queue?: string
  /** @default 30 */
  readonly heartbeatSeconds?: number
  /** For tests of what goes wrong. */
  readonly wrap?: (db: Db) => Db
}

export interface Store {
  readonly pglite: PGlite
  readonly boss: PgBoss
  readonly queue: string
  stats(): Promise<EngineStats>
  close(): Promise<void>
}

export const dbOf = (tx: Pick<PGlite, 'query'>): Db => ({ executeSql: (text, values) => tx.query(text, values) })

/** The largest integer of PostgreSQL: limits of pg-boss that would end a task unseen are set to it. */
const FOREVER = 2_147_483_647
const LONGEST_EXPIRY_SECONDS = 86_400

export async function openStore(options: StoreOptions, onError: (error: unknown) => void): Promise<Store> {
  const unlock = lockStore(`${options.pglite}.lock`)
  try {
    return await open(options, { onError, unlock })
  } catch (thrown) {
    unlock()
    throw thrown
  }
}

interface Ends {
  onError(error: unknown): void
  unlock(): void
}

async function open(options: StoreOptions, { onError, unlock }: Ends): Promise<Store> {
  const { queue = 'afterglow', heartbeatSeconds = 30, wrap = (db: Db) => db } = options
  const pglite = await PGlite.create(options.pglite)
  const boss = new PgBoss({
    db: wrap(fromPglite(pglite)),
    backend: 'pglite',
    openTelemetry: { enabled: false },
    schedule: false,
    registerInstance: false,
    monitorIntervalSeconds: 10,
    superviseIntervalSeconds: 10,
  })
  boss.on('error', onError)
  await boss.start()
  await boss.createQueue(queue, {
    // Counts lost claims only: no outcome ever reaches pg-boss as a failure.
    retryLimit: FOREVER,
    retryDelay: 0,
    heartbeatSeconds,
    expireInSeconds: LONGEST_EXPIRY_SECONDS,
    retentionSeconds: FOREVER,
  })
  const store: Store = {
    pglite,
    boss,
    queue,
    stats: () => statsOf(store),
    async close() {
      await boss.stop({ graceful: false })
      await pglite.close()
      unlock()
    },
  }
  await freeOrphans(store)
  return store
}

/** The lock is exclusive, so whatever is active was claimed by a process that is gone. */
async function freeOrphans({ pglite, boss, queue }: Store): Promise<void> {
  const { rows } = await pglite.query<JobAttempt>(
    `SELECT id, retry_count AS "retryCount" FROM pgboss.job WHERE name = $1 AND state = 'active'`,
    [queue],
  )
  if (rows.length > 0) await boss.fail(queue, rows, { reason: 'claim lost' })
}

async function statsOf({ pglite, queue }: Store): Promise<EngineStats> {
  const { rows } = await pglite.query<Omit<EngineStats, 'scope'>>(
    `WITH waiting AS (SELECT * FROM pgboss.job WHERE name = $1 AND state < 'active') SELECT
      count(*) FILTER (WHERE start_after <= now())::int AS ready,
      count(*) FILTER (WHERE start_after > now())::int AS delayed,
      (SELECT count(*) FROM pgboss.job WHERE name = $1 AND state = 'active')::int AS running,
      coalesce(extract(epoch FROM now() - min(start_after) FILTER (WHERE start_after <= now())) * 1000, 0)::float8
        AS "oldestReadyMs" FROM waiting`,
    [queue],
  )
  return { scope: 'store', ready: 0, delayed: 0, running: 0, oldestReadyMs: 0, ...rows[0] }
}

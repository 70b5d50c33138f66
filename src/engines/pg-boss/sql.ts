// The few things that pg-boss has no call for. They read the table of jobs, and change nothing but what `cancelTask` takes out.
import type { Db, JobAttempt } from 'pg-boss'
import type { EngineStats } from '../../core/engine.ts'
import type { Claim, DeadData } from './job.ts'
import type { QueueSettings } from './options.ts'

async function rows<R>(db: Db, text: string, values: unknown[]): Promise<readonly R[]> {
  return (await db.executeSql(text, values)).rows as readonly R[]
}

/** `over`: it was carried out. `held`: it was not, and may be repeated. `lost`: the claim is somebody else's, or nobody's. */
export type Fate = 'over' | 'held' | 'lost'

export async function fateOf(db: Db, { schema, queue }: QueueSettings, claim: Claim): Promise<Fate> {
  const found = await rows<{ state: string; retryCount: number; edition: number }>(
    db,
    `SELECT state, retry_count AS "retryCount", coalesce(group_tier, '0')::int AS edition
      FROM ${schema}.job WHERE name = $1 AND id = $2`,
    [queue, claim.id],
  )
  const [row] = found
  if (!row) return 'lost'
  if (row.edition > claim.edition) return 'over'
  if (row.edition < claim.edition || row.retryCount !== claim.retryCount) return 'lost'
  if (row.state === 'active') return 'held'
  return row.state === 'completed' ? 'over' : 'lost'
}

/** Takes a task out. A worker that runs it loses its claim, and is told at its next heartbeat. */
export async function cancelTask(
  db: Db,
  { schema, queue }: QueueSettings,
  id: string,
): Promise<'waiting' | 'running' | 'unknown'> {
  const [was] = await rows<{ state: string }>(
    db,
    `WITH found AS (
        SELECT id, state FROM ${schema}.job WHERE name = $1 AND id = $2 AND state < 'completed' FOR UPDATE
      )
      UPDATE ${schema}.job j SET state = 'cancelled', completed_on = now()
      FROM found WHERE j.name = $1 AND j.id = found.id RETURNING found.state`,
    [queue, id],
  )
  if (!was) return 'unknown'
  return was.state === 'active' ? 'running' : 'waiting'
}

export async function countTasks(db: Db, { schema, queue }: QueueSettings): Promise<EngineStats> {
  const [counts] = await rows<Omit<EngineStats, 'scope'>>(
    db,
    `SELECT
      count(*) FILTER (WHERE state < 'active' AND start_after <= now())::int AS ready,
      count(*) FILTER (WHERE state < 'active' AND start_after > now())::int AS delayed,
      count(*) FILTER (WHERE state = 'active')::int AS running,
      coalesce(extract(epoch FROM now() - min(start_after) FILTER (WHERE state < 'active' AND start_after <= now())) * 1000, 0)::float8
        AS "oldestReadyMs"
      FROM ${schema}.job WHERE name = $1 AND state IN ('created', 'retry', 'active')`,
    [queue],
  )
  return { scope: 'store', ready: 0, delayed: 0, running: 0, oldestReadyMs: 0, ...counts }
}

/** Claims that nobody holds: for a store that this process has for itself. */
export const claimsLeftBehind = (db: Db, { schema, queue }: QueueSettings): Promise<readonly JobAttempt[]> =>
  rows(db, `SELECT id, retry_count AS "retryCount" FROM ${schema}.job WHERE name = $1 AND state = 'active'`, [queue])

export async function listDead(
  db: Db,
  { schema, deadQueue }: QueueSettings,
  { limit, name }: { readonly limit: number; readonly name?: string | undefined },
): Promise<readonly DeadData[]> {
  const found = await rows<{ data: DeadData }>(
    db,
    `SELECT data FROM ${schema}.job
      WHERE name = $1 AND state = 'created' AND ($3::text IS NULL OR data->'record'->>'name' = $3::text)
      ORDER BY created_on DESC LIMIT $2`,
    [deadQueue, limit, name ?? null],
  )
  return found.map(({ data }) => data)
}

/** Locked until the transaction ends, so that of two who want it one gets it. */
export async function lockDead(
  db: Db,
  { schema, deadQueue }: QueueSettings,
  id: string,
): Promise<{ readonly data: DeadData; readonly edition: number } | undefined> {
  const text = `SELECT data, coalesce(group_tier, '0')::int AS edition FROM ${schema}.job
    WHERE name = $1 AND id = $2 AND state = 'created' FOR UPDATE`
  const [found] = await rows<{ data: DeadData; edition: number }>(db, text, [deadQueue, id])
  return found
}

import type { Pool } from 'pg'
import type { Db } from 'pg-boss'
import { statements, type Medium, type MediumHost } from './medium.ts'
import type { PostgresSettings } from './options.ts'
import { loadPg, loadPgBoss } from './packages.ts'
import { bossOptions } from './queue.ts'

/** Connections for the upkeep that pg-boss does, which is not bounded in time: a migration may take long. */
const UPKEEP_CONNECTIONS = 2
const KEEP_ALIVE_MS = 10_000

/** Opens connections to the server. Rejects if that is not reachable now. */
export async function openPostgres(settings: PostgresSettings, host: MediumHost): Promise<Medium> {
  const { connection, max, statementTimeoutMs } = settings
  const [{ PgBoss }, pg] = await Promise.all([loadPgBoss(), loadPg()])
  const bounded = {
    connectionTimeoutMillis: statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  }
  const boss = new PgBoss({ ...bounded, ...connection, ...bossOptions(settings), max: UPKEEP_CONNECTIONS })
  boss.on('error', (error) => host.report(error))
  const pool = new pg.default.Pool({
    application_name: 'koa-afterglow',
    query_timeout: statementTimeoutMs,
    ...bounded,
    ...connection,
    max,
  })
  // A connection that breaks while nobody uses it; the next statement gets another.
  pool.on('error', (error) => host.report(error))
  try {
    await boss.start()
    return {
      boss,
      db: statements(pool),
      transaction: (work) => transaction(pool, work),
      close: async () => void (await Promise.all([boss.stop({ graceful: false }), pool.end()])),
    }
  } catch (thrown) {
    await Promise.allSettled([boss.stop({ graceful: false }), pool.end()])
    throw thrown
  }
}

async function transaction<R>(pool: Pool, work: (db: Db) => Promise<R>): Promise<R> {
  const client = await pool.connect()
  let failed = true
  // Unheard, a connection that breaks here would end the process; the statement under way rejects with the same error.
  const heard = (): void => {}
  client.on('error', heard)
  try {
    await client.query('BEGIN')
    const result = await work(statements(client))
    await client.query('COMMIT')
    failed = false
    return result
  } finally {
    client.off('error', heard)
    // A connection in a state unknown is closed, which rolls back.
    client.release(failed)
  }
}

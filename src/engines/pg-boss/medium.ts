// What an embedded PostgreSQL and one in the network have in common.
import type { Db, PgBoss } from 'pg-boss'

export interface Medium {
  readonly boss: PgBoss
  /** For what tasks wait for: each statement is bounded in time. */
  readonly db: Db
  transaction<R>(work: (db: Db) => Promise<R>): Promise<R>
  close(): Promise<void>
}

export interface MediumHost {
  report(error: unknown): void
  /** Something may have been added. */
  wake(): void
}

export const statements = (on: { query<T>(text: string, values?: unknown[]): Promise<{ rows: T[] }> }): Db => ({
  executeSql: (text, values) => on.query(text, values),
})

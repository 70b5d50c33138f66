import type { Engine } from '../core/engine.ts'
import { PgBossEngine } from './pg-boss/engine.ts'
import { resolveOptions, type PgBossOptions } from './pg-boss/options.ts'

export type {
  PgBossOptions,
  PgliteDatabase,
  PgliteOptions,
  PgliteStatements,
  PoolOptions,
  PostgresOptions,
} from './pg-boss/options.ts'

/**
 * An engine whose tasks survive crashes: pg-boss, in an embedded PostgreSQL of this process (`pglite: './data'`) or in a
 * PostgreSQL that many processes share (`connectionString`). Tasks run at least once. Times are in milliseconds.
 *
 * It needs the package `pg-boss`, and `@electric-sql/pglite` for an embedded store.
 * @throws InvalidOptionError
 */
export function pgBoss(options: PgBossOptions): Engine {
  return new PgBossEngine(resolveOptions(options))
}

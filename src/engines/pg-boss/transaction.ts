import type { Db } from 'pg-boss'
import { InvalidOptionError } from '../../core/errors.ts'
import { statements } from './medium.ts'
import { loadPgBoss } from './packages.ts'

type Loose = Readonly<Record<string, unknown>>

/**
 * The caller's own transaction as pg-boss takes it: one of its adapters, a client of `pg`, a transaction of PGlite, Knex, Kysely
 * or Prisma. What it is told by is what its kind alone can do.
 */
export async function dbOf(transaction: unknown): Promise<Db> {
  const given = (transaction ?? {}) as Loose
  const can = (method: string): boolean => typeof given[method] === 'function'
  if (can('executeSql')) return given as never
  if (given['totalCount'] !== undefined)
    throw new InvalidOptionError(
      '`transaction` is a pool, of which each statement may get another connection: give the client that began it',
    )
  if (can('raw')) return (await loadPgBoss()).fromKnex(given as never)
  if (can('executeQuery')) return (await loadPgBoss()).fromKysely(given as never)
  if (can('$queryRawUnsafe')) return (await loadPgBoss()).fromPrisma(given as never)
  if (can('query')) return statements(given as never)
  throw new InvalidOptionError(
    `\`transaction\` is a client of pg, a transaction of PGlite, Knex, Kysely or Prisma, or an adapter of pg-boss (Drizzle: \`fromDrizzle(tx, sql)\`), not ${describe(transaction)}`,
  )
}

const describe = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'nothing'}`
    : String(value)

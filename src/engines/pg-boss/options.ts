import { InvalidOptionError } from '../../core/errors.ts'

/** What is used of an embedded database; a `PGlite` of `@electric-sql/pglite` as it is. */
export interface PgliteDatabase {
  readonly dataDir?: string | undefined
  query<T>(text: string, values?: unknown[]): Promise<{ rows: T[] }>
  exec(text: string): Promise<{ rows: Record<string, unknown>[] }[]>
  transaction<R>(work: (tx: PgliteStatements) => Promise<R>): Promise<R | undefined>
  close(): Promise<void>
}

export interface PgliteStatements {
  query<T>(text: string, values?: unknown[]): Promise<{ rows: T[] }>
}

/** Options of `pg`, for what a connection string does not say. Further ones are passed on as they are. */
export interface PoolOptions {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  readonly password?: string | (() => string | Promise<string>)
  readonly ssl?: boolean | object
  /** Connections of this process for tasks; up to three more are for upkeep and for listening. @default 10 */
  readonly max?: number
  readonly [option: string]: unknown
}

interface QueueOptions {
  /** The schema that pg-boss keeps its tables in. @default 'pgboss' */
  readonly schema?: string
  /** The queue of pg-boss that tasks are in; dead ones are in `{queue}_dead`. @default 'afterglow' */
  readonly queue?: string
  /** How often this process looks for tasks that nobody told it of, such as delayed ones: they are late by that at most. @default 500 */
  readonly pollMs?: number
  /**
   * How long what ended is remembered, in which a repeated add of the same id is known as a duplicate. Whole seconds.
   * @default 86400000, a day
   */
  readonly keepEndedMs?: number
  /**
   * After how long without a sign of life a running task is given to the next worker; found within 20 s more. Whole
   * seconds, 10 of them at least.
   * @default 30000
   */
  readonly claimTimeoutMs?: number
}

/** An embedded PostgreSQL in this process. */
export interface PgliteOptions extends QueueOptions {
  /** The folder of the data, or a database that is open already and that the caller closes. */
  readonly pglite: string | PgliteDatabase
  readonly connectionString?: undefined
  readonly pool?: undefined
}

/** A PostgreSQL that many processes work on. */
export interface PostgresOptions extends QueueOptions {
  readonly pglite?: undefined
  /** `postgres://user:password@host:5432/database` */
  readonly connectionString?: string
  readonly pool?: PoolOptions
  /** How long one statement may take until it counts as failed and its connection is given up. @default 5000 */
  readonly statementTimeoutMs?: number
  /** Workers are told of a new task at once (LISTEN, NOTIFY) and do not wait for their next look. @default true */
  readonly notify?: boolean
  /** Whether this process may create and upgrade the tables of pg-boss. Without it, they have to be there. @default true */
  readonly migrate?: boolean
}

export type PgBossOptions = PgliteOptions | PostgresOptions

/** What is known of a queue, whatever it is kept in. */
export interface QueueSettings {
  readonly schema: string
  readonly queue: string
  readonly deadQueue: string
  readonly pollMs: number
  readonly keepEndedMs: number
  readonly claimTimeoutMs: number
  readonly notify: boolean
  readonly migrate: boolean
}

export interface PostgresSettings extends QueueSettings {
  readonly connection: Readonly<Record<string, unknown>>
  readonly max: number
  readonly statementTimeoutMs: number
}

export type Settings =
  | { readonly kind: 'pglite'; readonly pglite: string | PgliteDatabase; readonly queue: QueueSettings }
  | { readonly kind: 'postgres'; readonly queue: PostgresSettings }

/** @throws InvalidOptionError */
export function resolveOptions(options: PgBossOptions): Settings {
  const { pglite } = options
  if (pglite === undefined) return { kind: 'postgres', queue: postgresSettings(options) }
  if (options.connectionString !== undefined || options.pool !== undefined)
    throw new InvalidOptionError('pgBoss: either `pglite` or a PostgreSQL (`connectionString`, `pool`), not both')
  if (typeof pglite === 'string' && pglite.includes('://'))
    throw new InvalidOptionError(
      `pgBoss: \`pglite\` is a folder or an open database, not '${pglite}'; open what is not a folder yourself and give that`,
    )
  return { kind: 'pglite', pglite, queue: queueSettings(options as QueueOptions) }
}

function queueSettings(options: QueueOptions & Partial<Omit<PostgresOptions, 'pglite'>>): QueueSettings {
  const { schema = 'pgboss', queue = 'afterglow', notify = true, migrate = true } = options
  const { pollMs = 500, keepEndedMs = 86_400_000, claimTimeoutMs = 30_000 } = options
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema))
    throw new InvalidOptionError(
      `pgBoss: \`schema\` is 1 to 50 of a-z, 0-9 and _, with no digit first, not '${schema}'`,
    )
  if (!/^[\w.-]{1,50}$/.test(queue))
    throw new InvalidOptionError(`pgBoss: \`queue\` is 1 to 50 of letters, digits and . _ -, not '${queue}'`)
  atLeast('pollMs', pollMs, 10)
  wholeSeconds('keepEndedMs', keepEndedMs, 60)
  wholeSeconds('claimTimeoutMs', claimTimeoutMs, 10)
  return { schema, queue, deadQueue: `${queue}_dead`, pollMs, keepEndedMs, claimTimeoutMs, notify, migrate }
}

function postgresSettings(options: PostgresOptions): PostgresSettings {
  const { connectionString, pool = {}, statementTimeoutMs = 5_000 } = options
  const { max = 10, ...rest } = pool
  if (connectionString === undefined && Object.keys(rest).length === 0)
    throw new InvalidOptionError(
      "pgBoss: say where tasks are kept: `pglite: './data'`, `connectionString: 'postgres://...'` or `pool: { host, ... }`",
    )
  if (!Number.isInteger(max) || max < 1)
    throw new InvalidOptionError(`pgBoss: \`pool.max\` is a number of connections, 1 or more, not ${String(max)}`)
  atLeast('statementTimeoutMs', statementTimeoutMs, 100)
  const queue = queueSettings(options)
  const connection = { ...rest, ...(connectionString !== undefined && { connectionString }) }
  return { ...queue, connection, max, statementTimeoutMs }
}

function atLeast(option: string, ms: number, least: number): void {
  if (!(ms >= least && ms < Infinity))
    throw new InvalidOptionError(`pgBoss: \`${option}\` is ${least} milliseconds or more, not ${String(ms)}`)
}

function wholeSeconds(option: string, ms: number, least: number): void {
  if (!(ms >= least * 1_000 && Number.isInteger(ms / 1_000)))
    throw new InvalidOptionError(
      `pgBoss: \`${option}\` is whole seconds, ${least} or more, in milliseconds, not ${String(ms)}`,
    )
}

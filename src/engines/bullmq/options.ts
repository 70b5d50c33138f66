import type { Redis, RedisOptions } from 'ioredis'
import { InvalidOptionError } from '../../core/errors.ts'

export interface BullmqOptions {
  /**
   * Where Redis is: `redis://user:password@host:6379/0`, options of ioredis, or a client of ioredis, which stays the caller's.
   * Connections are made after its pattern, one in a process that adds and two in one that works.
   */
  readonly connection: string | RedisOptions | Redis
  /** Tasks of a name are in the queue `{queue}.{name}` of BullMQ. @default 'afterglow' */
  readonly queue?: string
  /** What the keys of BullMQ begin with. @default 'bull' */
  readonly prefix?: string
  /** Warns of a Redis that may lose what it acknowledged, and does not refuse it. @default false */
  readonly acceptLoss?: boolean
  /**
   * After how long without a sign of life a task of another worker is given to the next, found within a third more.
   * @default 30000
   */
  readonly claimTimeoutMs?: number
  /** How long a command may take until it counts as failed and its connection is given up. @default 5000 */
  readonly commandTimeoutMs?: number
  /**
   * How long what ended is remembered, without its input, in which a repeated add of the same id is known as a duplicate; the
   * last 10,000 of each task at most. Whole seconds.
   * @default 3600000, an hour
   */
  readonly keepEndedMs?: number
}

export interface Settings {
  readonly connection: string | RedisOptions | Redis
  readonly queue: string
  readonly prefix: string
  readonly acceptLoss: boolean
  readonly claimTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly keepEndedMs: number
}

/** @throws InvalidOptionError */
export function resolveOptions(options: BullmqOptions): Settings {
  const { connection, queue = 'afterglow', prefix = 'bull', acceptLoss = false } = options
  const { claimTimeoutMs = 30_000, commandTimeoutMs = 5_000, keepEndedMs = 3_600_000 } = options
  checkConnection(connection)
  name('queue', queue, { pattern: /^[\w.-]+$/, allowed: 'letters, digits, and . _ -' })
  name('prefix', prefix, { pattern: /^[\w.:{}-]+$/, allowed: 'letters, digits, and . _ - : { }' })
  atLeast('claimTimeoutMs', claimTimeoutMs, 1_000)
  atLeast('commandTimeoutMs', commandTimeoutMs, 100)
  if (!(keepEndedMs >= 60_000 && Number.isInteger(keepEndedMs / 1_000)))
    throw new InvalidOptionError(
      `bullmq: \`keepEndedMs\` is whole seconds, 60 or more, in milliseconds, not ${String(keepEndedMs)}`,
    )
  return { connection, queue, prefix, acceptLoss, claimTimeoutMs, commandTimeoutMs, keepEndedMs }
}

/** A client and not options. */
export const isClient = (connection: BullmqOptions['connection']): connection is Redis =>
  typeof connection === 'object' && typeof (connection as Redis).duplicate === 'function'

function checkConnection(connection: BullmqOptions['connection']): void {
  const given: unknown = connection
  if (typeof given === 'string' ? given === '' : typeof given !== 'object' || given === null)
    throw new InvalidOptionError(
      "bullmq: say where Redis is: `connection: 'redis://host:6379'`, options of ioredis, or a client of ioredis",
    )
  if ((connection as { readonly isCluster?: boolean }).isCluster)
    throw new InvalidOptionError(
      'bullmq: a Redis Cluster is not supported, since one transaction goes over several queues; give a single node or sentinels',
    )
  const { keyPrefix } = isClient(connection) ? connection.options : (connection as RedisOptions)
  if (keyPrefix)
    throw new InvalidOptionError('bullmq: BullMQ does not work with `keyPrefix` of ioredis; use the option `prefix`')
}

function name(option: string, value: unknown, { pattern, allowed }: Name): void {
  if (typeof value !== 'string' || !pattern.test(value) || value.length > 50)
    throw new InvalidOptionError(`bullmq: \`${option}\` is at most 50 of ${allowed}, not '${String(value)}'`)
}

interface Name {
  readonly pattern: RegExp
  readonly allowed: string
}

function atLeast(option: string, ms: number, least: number): void {
  if (!(ms >= least && ms < 2 ** 31))
    throw new InvalidOptionError(`bullmq: \`${option}\` is ${least} milliseconds or more, not ${String(ms)}`)
}

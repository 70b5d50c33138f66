import { createRequire } from 'node:module'
import type { Redis, RedisOptions } from 'ioredis'
import { EngineError, MissingPackageError, toError } from '../../core/errors.ts'
import { isClient, type Settings } from './options.ts'

const load = createRequire(import.meta.url)

/** @throws MissingPackageError */
export function loadPeer<Module>(name: string): Module {
  try {
    return load(name) as Module
  } catch (cause) {
    throw new MissingPackageError(`bullmq() needs packages that are not installed: npm install bullmq ioredis`, {
      cause,
    })
  }
}

export interface ConnectionHost {
  /** Once per outage. */
  down(error: Error): void
  /** Also after an outage. */
  ready(): void
}

const LONGEST_PAUSE_MS = 2_000

/**
 * What a command needs to fail within its time: nothing is queued while there is no connection, nothing is sent again on the
 * next one, and a connection on which no answer comes is given up, with all that waits on it.
 */
const bounded = (settings: Settings, blockMs: number): RedisOptions => ({
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  disconnectTimeout: 250,
  autoResendUnfulfilledCommands: false,
  connectTimeout: settings.commandTimeoutMs,
  socketTimeout: settings.commandTimeoutMs + blockMs,
  retryStrategy: (times) => Math.min(50 * 2 ** times, LONGEST_PAUSE_MS),
  connectionName: `koa-afterglow:${settings.queue}`,
})

/** A server that was the first of its group and no longer is refuses writes, for ever. */
const noLongerFirst = (error: Error): boolean => error.message.startsWith('READONLY')

/** A connection that comes back by itself until it is closed. `blockMs`: how long a command may wait on purpose. */
export function makeClient(settings: Settings, host: ConnectionHost, blockMs = 0): Redis {
  const { connection } = settings
  const own = bounded(settings, blockMs)
  const client = isClient(connection) ? connection.duplicate(own) : newClient(connection, own)
  client.options.reconnectOnError ??= noLongerFirst
  let known = false
  client.on('error', (error: Error) => {
    if (known) return
    known = true
    host.down(error)
  })
  client.on('ready', () => {
    known = false
    host.ready()
  })
  return client
}

function newClient(connection: string | RedisOptions, own: RedisOptions): Redis {
  const { Redis: Client } = loadPeer<{ readonly Redis: new (...how: readonly (string | RedisOptions)[]) => Redis }>(
    'ioredis',
  )
  return typeof connection === 'string' ? new Client(connection, own) : new Client({ ...connection, ...own })
}

/** Resolves once it can be used. @throws EngineError if it cannot */
export async function connect(client: Redis): Promise<void> {
  let last: Error | undefined
  const note = (error: Error): void => void (last = error)
  client.on('error', note)
  try {
    await client.connect()
  } catch (thrown) {
    const cause = last ?? toError(thrown)
    throw new EngineError(`bullmq() cannot connect to Redis at ${whereIs(client)}: ${reasonOf(cause)}`, { cause })
  } finally {
    client.off('error', note)
  }
}

/** A host with several addresses fails with an error that only has a code. */
export const reasonOf = (cause: Error): string => cause.message || String((cause as { readonly code?: unknown }).code)

export function whereIs({ options }: Redis): string {
  if (options.sentinels) return `the sentinels of '${options.name ?? ''}'`
  return options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`
}

import type { Redis } from 'ioredis'
import { EngineError, NotDurableError } from '../../core/errors.ts'
import { whereIs } from './connections.ts'

/** What a Redis is configured to keep; undefined where it would not say. */
export interface Durability {
  readonly version: string
  readonly appendonly: boolean | undefined
  readonly appendfsync: string | undefined
  readonly policy: string | undefined
}

/** `LPOS` and `ZADD` as BullMQ and this engine use them. */
const OLDEST = [6, 2] as const

/** Asks the configuration, or where that is forbidden, as by most that host Redis, the state. */
export async function readDurability(client: Redis): Promise<Durability> {
  const info = parseInfo(await client.info())
  const asked = await Promise.all(['appendonly', 'appendfsync', 'maxmemory-policy'].map((key) => configOf(client, key)))
  const [appendonly, appendfsync, policy] = asked
  const aof = info.get('aof_enabled')
  return {
    version: info.get('redis_version') ?? '',
    appendonly: appendonly ? appendonly === 'yes' : aof === undefined ? undefined : aof === '1',
    appendfsync,
    policy: policy ?? info.get('maxmemory_policy'),
  }
}

async function configOf(client: Redis, key: string): Promise<string | undefined> {
  try {
    const [, value] = (await client.config('GET', key)) as readonly string[]
    return value
  } catch (thrown) {
    // An answer that says no. No answer at all is for the caller.
    if ((thrown as Error).name === 'ReplyError') return undefined
    throw thrown
  }
}

const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split(/\r?\n/).flatMap((line) => (line.includes(':') ? [[...cutAt(line, ':')] as const] : [])))

function cutAt(line: string, mark: string): readonly [string, string] {
  const at = line.indexOf(mark)
  return [line.slice(0, at), line.slice(at + 1)]
}

/** Why a Redis may lose what it acknowledged; empty when it does not. */
export function lossesOf({ appendonly, appendfsync, policy }: Durability): readonly string[] {
  const losses: string[] = []
  if (!appendonly)
    losses.push(
      appendonly === undefined
        ? 'it does not say whether it has `appendonly yes`'
        : 'it has `appendonly no`, so what it acknowledged dies with its process (set `appendonly yes`)',
    )
  else if (appendfsync === 'no')
    losses.push(
      'it has `appendfsync no`, so what it acknowledged in the last half minute dies with its machine (set `everysec` or `always`)',
    )
  if (policy !== 'noeviction')
    losses.push(
      policy === undefined
        ? 'it does not say its `maxmemory-policy`'
        : `it has \`maxmemory-policy ${policy}\`, so tasks are thrown away when its memory is full (set \`noeviction\`)`,
    )
  return losses
}

/** @throws EngineError for a Redis that is too old */
export function checkVersion(client: Redis, { version }: Durability): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new EngineError(
    `bullmq() needs Redis ${OLDEST.join('.')} or newer; ${whereIs(client)} has ${version || 'none'}`,
  )
}

/** Of whether a Redis keeps what it acknowledged. */
export function notDurable(client: Redis, losses: readonly string[]): NotDurableError {
  return new NotDurableError(
    `the Redis at ${whereIs(client)} may lose acknowledged tasks: ${losses.join('; ')}. ` +
      'Configure it so, or say bullmq({ acceptLoss: true }) if they may be lost',
  )
}

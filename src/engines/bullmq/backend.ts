// The part of BullMQ that this engine uses: the operations of a queue, without its own loop over them.
import type { IRedisClient, JobJson, RedisQueueBackend } from 'bullmq'
import type { Redis } from 'ioredis'
import { loadPeer } from './connections.ts'
import type { Settings } from './options.ts'

/** What a claim gives: a job, or when the next delayed one is due. Empty where the store was not asked for one. */
export type Answer = readonly [job?: JobJson | null, id?: string | 0, limitMs?: number, nextAt?: number]

/** `moveToFinishedArgs` is protected, but no other way changes the data of a job in the step that completes it. */
export interface Backend extends Pick<
  RedisQueueBackend,
  | 'addJobToTransaction'
  | 'extendLocks'
  | 'keys'
  | 'moveJobFromActiveToWait'
  | 'moveStalledJobsToWait'
  | 'moveToDelayed'
  | 'moveToFinished'
  | 'remove'
  | 'retryFinishedJob'
  | 'toKey'
> {
  moveToActive(token: string, worker: string): Promise<Answer>
  moveToFinishedArgs(job: FinishedJob, ...how: FinishedHow): (string | number | boolean | Buffer)[]
}
export interface FinishedJob {
  readonly id: string
  readonly opts: { readonly attempts: number }
}
export type FinishedHow = readonly [
  value: string,
  field: 'returnvalue' | 'failedReason',
  keep: { readonly age?: number; readonly count: number },
  target: 'completed' | 'failed',
  token: string,
  timestamp: number,
  fetchNext: boolean,
  fields: Readonly<Record<string, string | number>>,
]

/** No outcome is ever told to BullMQ as a failure that it should judge, and it counts lost claims without acting on them. */
const FOREVER = 2_147_483_647

/** How often each queue is searched for tasks whose worker is gone. */
export const checkMsOf = ({ claimTimeoutMs }: Settings): number => Math.ceil(claimTimeoutMs / 3)

/** What lets a queue be worked off, which is what makes room again when the memory of Redis is full. */
const WORKS_OFF = /^(moveToActive|moveStalledJobsToWait):/
const ALLOW_OOM = '#!lua flags=allow-oom\n'
const SINCE = 7

export interface Backends {
  /** The client as BullMQ sees it. */
  readonly adapter: IRedisClient
  /** By the name of a queue. */
  backendOf(queue: string): Backend
  /** Keeps claims alive; gives the ids of those that are lost. */
  hold(backend: Backend, claims: readonly HeldClaim[]): Promise<readonly string[]>
}
export interface HeldClaim {
  readonly id: string
  readonly token: string
}

/**
 * As `extendLocks`, but a lock that expired is taken again while nobody has the job: it is still among the active ones, and
 * whoever tries first gets it.
 */
const HOLD = `
local lost = {}
for i = 3, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local lock = ARGV[1] .. id .. ':lock'
  local owner = redis.call('GET', lock)
  if owner == token then
    redis.call('PEXPIRE', lock, ARGV[2])
    redis.call('SREM', KEYS[1], id)
  elseif not owner and redis.call('LPOS', KEYS[2], id) then
    redis.call('SET', lock, token, 'PX', ARGV[2])
    redis.call('SREM', KEYS[1], id)
  else
    lost[#lost + 1] = id
  end
end
return lost`

/** Which of these keys there are, by their places from 1. */
const EXISTING = `
local found = {}
for i = 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then found[#found + 1] = i end
end
return found`
export interface Existing {
  afterglowExisting(count: number, ...keys: readonly string[]): unknown
}

type HoldCommand = (...keysAndValues: readonly (string | number)[]) => Promise<readonly string[]>

interface Named {
  /** The version of Redis. */
  readonly major: number
  /** This process, as BullMQ shows it. */
  readonly worker: string
}

/** The queues of BullMQ on one connection. */
export async function makeBackends(client: Redis, settings: Settings, named: Named): Promise<Backends> {
  const { createIORedisClient, createRedisBackend } = loadPeer<typeof import('bullmq')>('bullmq')
  const adapter = createIORedisClient(client)
  const head = named.major >= SINCE ? ALLOW_OOM : ''
  const define = client.defineCommand.bind(client)
  adapter.defineCommand = (name, command) => {
    define(name, { ...command, lua: (WORKS_OFF.test(name) ? head : '') + command.lua })
  }
  define('afterglowExisting', { lua: EXISTING, readOnly: true })
  define('afterglowHold', { numberOfKeys: 2, lua: head + HOLD })
  const hold = (client as unknown as { readonly afterglowHold: HoldCommand }).afterglowHold.bind(client)
  const root = createRedisBackend(settings.queue, {
    connection: adapter,
    prefix: settings.prefix,
    // Checked by this engine, which does not write to the console.
    skipVersionCheck: true,
    skipWaitingForReady: true,
    name: named.worker,
    lockDuration: settings.claimTimeoutMs,
    // It is for how long others need not look; as long as ours, a look that comes a moment early would be none.
    stalledInterval: Math.floor(checkMsOf(settings) * 0.9),
    maxStalledCount: FOREVER,
  } as Parameters<typeof createRedisBackend>[1])
  // Reported by the connection itself; without a listener Node would throw it.
  root.on('error', () => {})
  await root.waitUntilReady()
  return {
    adapter,
    backendOf: (queue) => root.forQueue(queue) as unknown as Backend,
    hold(backend, claims) {
      const { stalled = '', active = '' } = backend.keys
      const pairs = claims.flatMap(({ id, token }) => [id, token])
      return hold(stalled, active, backend.toKey(''), settings.claimTimeoutMs, ...pairs)
    },
  }
}

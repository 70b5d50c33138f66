// How the queue is set up in pg-boss, so that nothing in there ends a task that core did not end.
import { createHash } from 'node:crypto'
import type { ConstructorOptions, PgBoss, Queue } from 'pg-boss'
import type { EngineHost } from '../../core/engine.ts'
import { EngineError } from '../../core/errors.ts'
import type { QueueSettings } from './options.ts'

/** The largest integer of PostgreSQL. */
const FOREVER = 2_147_483_647
const LONGEST_EXPIRY_SECONDS = 86_400
/** How often lost claims are looked for; a look that comes a moment early has the next one find them. */
const LOOK_SECONDS = 10

export const bossOptions = ({ schema, migrate }: QueueSettings): ConstructorOptions => ({
  schema,
  migrate,
  openTelemetry: { enabled: false },
  schedule: false,
  registerInstance: false,
  monitorIntervalSeconds: LOOK_SECONDS,
  superviseIntervalSeconds: LOOK_SECONDS,
})

/**
 * Both queues as this engine needs them. Those that exist already are changed by processes that work alone: one that only adds, or
 * looks, may have been told other settings, or none. @throws EngineError for a queue that is another's
 */
export async function openQueues(
  boss: PgBoss,
  { queue, deadQueue, ...settings }: QueueSettings,
  { consume }: Pick<EngineHost, 'consume'>,
): Promise<void> {
  const open = (name: string, wanted: Omit<Queue, 'name'>) => openQueue(boss, { name, ...wanted }, consume)
  await open(queue, {
    // Counts lost claims only: no outcome ever reaches pg-boss as a failure.
    retryLimit: FOREVER,
    retryDelay: 0,
    heartbeatSeconds: settings.claimTimeoutMs / 1_000,
    expireInSeconds: LONGEST_EXPIRY_SECONDS,
    retentionSeconds: FOREVER,
    deleteAfterSeconds: settings.keepEndedMs / 1_000,
    notify: settings.notify,
  })
  await open(deadQueue, { retentionSeconds: FOREVER, deleteAfterSeconds: settings.keepEndedMs / 1_000 })
}

async function openQueue(boss: PgBoss, { name, ...options }: Queue, changes: boolean): Promise<void> {
  await boss.createQueue(name, options)
  const found = await boss.getQueue(name)
  if (found?.policy !== 'standard')
    throw new EngineError(
      `the queue '${name}' has the policy '${found?.policy}' and is not this engine's; use another \`queue\``,
    )
  if (!changes) return
  const stale = Object.entries(options).some(([key, value]) => found[key as keyof Queue] !== value)
  if (stale) await boss.updateQueue(name, options)
}

/** Where pg-boss notifies of what was added to a queue with `notify`; the payload is the name of the queue. */
export const channelOf = (schema: string): string =>
  `pgboss_${createHash('sha224').update(schema).digest('hex').slice(0, 24)}`

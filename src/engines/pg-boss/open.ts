import type { Db } from 'pg-boss'
import type { EngineHost } from '../../core/engine.ts'
import { explained } from './errors.ts'
import type { Medium, MediumHost } from './medium.ts'
import type { Settings } from './options.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { channelOf, openQueues } from './queue.ts'
import { claimsLeftBehind } from './sql.ts'
import { Store } from './store.ts'

export interface OpenHost extends MediumHost {
  readonly consume: EngineHost['consume']
}

/** Opens the store, or rejects in words: whether to try again is for who asked. */
export async function openStore(settings: Settings, host: OpenHost): Promise<Store> {
  try {
    return await open(settings, host)
  } catch (thrown) {
    throw explained(thrown)
  }
}

async function open(settings: Settings, host: OpenHost): Promise<Store> {
  const { queue } = settings
  const medium =
    settings.kind === 'pglite'
      ? await openPglite(settings.pglite, queue, host)
      : await openPostgres(settings.queue, host)
  try {
    await openQueues(medium.boss, queue, host)
    if (settings.kind === 'pglite') await freeClaims(medium, settings)
    const listening = queue.notify && host.consume ? await listen(medium, settings, host) : undefined
    return new Store(listening ? closingFirst(medium, listening) : medium, queue)
  } catch (thrown) {
    await medium.close().catch(() => {})
    throw thrown
  }
}

/** An embedded store is this process's alone, so whatever is claimed was claimed by one that is gone. */
async function freeClaims({ boss, db }: Medium, { queue }: Settings): Promise<void> {
  const left = await claimsLeftBehind(db, queue)
  if (left.length > 0) await boss.fail(queue.queue, [...left], { reason: 'the process that ran it is gone' }, { db })
}

type Listening = Awaited<ReturnType<NonNullable<Db['listen']>>>

/** What cannot be listened to, such as a pooler in transaction mode, is still polled. */
async function listen({ boss }: Medium, { queue }: Settings, host: OpenHost): Promise<Listening | undefined> {
  const onNotification = (payload: string): void => {
    if (payload === queue.queue) host.wake()
  }
  try {
    return await boss.getDb().listen?.(channelOf(queue.schema), onNotification, () => host.wake())
  } catch (thrown) {
    host.report(thrown)
    return undefined
  }
}

const closingFirst = (medium: Medium, listening: Listening): Medium => ({
  ...medium,
  async close() {
    await Promise.allSettled([listening.close()])
    await medium.close()
  },
})

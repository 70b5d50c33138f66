import { resolve } from 'node:path'
import { StoreLockedError } from '../../core/errors.ts'
import { lockStore, type Unlock } from './lock.ts'
import { statements, type Medium, type MediumHost } from './medium.ts'
import type { PgliteDatabase, QueueSettings } from './options.ts'
import { loadPgBoss, loadPglite } from './packages.ts'
import { bossOptions } from './queue.ts'

interface Opened {
  readonly pglite: PgliteDatabase
  close(): Promise<void>
}

/** Opens the folder, or takes the database that is open, for this engine alone. */
export async function openPglite(
  given: string | PgliteDatabase,
  settings: QueueSettings,
  host: MediumHost,
): Promise<Medium> {
  const { pglite, close } = typeof given === 'string' ? await openFolder(given) : await share(given, settings)
  try {
    const { PgBoss, fromPglite } = await loadPgBoss()
    const db = fromPglite(pglite)
    const boss = new PgBoss({ ...bossOptions(settings), db, backend: 'pglite' })
    boss.on('error', (error) => host.report(error))
    await boss.start()
    return {
      boss,
      db,
      transaction: async (work) => (await pglite.transaction((tx) => work(statements(tx)))) as never,
      async close() {
        await boss.stop({ graceful: false })
        await close()
      },
    }
  } catch (thrown) {
    await close().catch(() => {})
    throw thrown
  }
}

async function openFolder(given: string): Promise<Opened> {
  // A process may change its working directory.
  const folder = resolve(given)
  const { PGlite } = await loadPglite()
  const unlock = await lockStore(folder)
  try {
    const pglite = (await PGlite.create(folder)) as unknown as PgliteDatabase
    return {
      pglite,
      async close() {
        await pglite.close()
        unlock()
      },
    }
  } catch (thrown) {
    unlock()
    throw thrown
  }
}

interface Shared {
  readonly queues: Set<string>
  readonly unlock: Promise<Unlock>
}

/** In every copy of this module in the process. */
const SHARED = Symbol.for('koa-afterglow.pglite')
const registry = (): WeakMap<PgliteDatabase, Shared> =>
  ((globalThis as { [SHARED]?: WeakMap<PgliteDatabase, Shared> })[SHARED] ??= new WeakMap())

/** The caller's own database may serve several engines, each with a queue of its own. It stays open. */
async function share(pglite: PgliteDatabase, { schema, queue }: QueueSettings): Promise<Opened> {
  const all = registry()
  const shared = all.get(pglite) ?? { queues: new Set(), unlock: lockOf(pglite) }
  const key = `${schema}.${queue}`
  if (shared.queues.has(key))
    throw new StoreLockedError(
      `another engine has the queue '${queue}' of this PGlite; give one of them another \`queue\``,
    )
  shared.queues.add(key)
  all.set(pglite, shared)
  const close = async (): Promise<void> => {
    shared.queues.delete(key)
    if (shared.queues.size > 0) return
    all.delete(pglite)
    ;(await shared.unlock)()
  }
  await shared.unlock.catch(async (thrown: unknown) => {
    all.delete(pglite)
    throw thrown
  })
  return { pglite, close }
}

/** One in memory, or in a browser, is nobody else's. */
async function lockOf({ dataDir }: PgliteDatabase): Promise<Unlock> {
  const folder = dataDir?.replace(/^file:\/\//, '')
  return !folder || folder.includes('://') ? () => {} : await lockStore(resolve(folder))
}

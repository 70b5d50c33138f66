import type { DeadTask, EngineAdmin } from '../../core/engine.ts'
import { deadTaskOf, jobOf, revived } from './job.ts'
import { listDead, lockDead } from './sql.ts'
import type { Store } from './store.ts'

/** 32 hexadecimal digits, with hyphens or without; the store would refuse the whole statement for anything else. */
export const isId = (id: string): boolean => /^[0-9a-f]{32}$/i.test(id.replaceAll('-', ''))

/** Dead tasks: those in the queue of the dead. Nothing ever fetches from that. */
export function adminOf(store: () => Promise<Store>): EngineAdmin {
  return {
    async list(query): Promise<readonly DeadTask[]> {
      const { medium, settings } = await store()
      return (await listDead(medium.db, settings, query)).map(deadTaskOf)
    },

    async retry(id) {
      const { medium, settings } = await store()
      if (!isId(id)) return false
      const { boss } = medium
      return medium.transaction(async (db) => {
        const dead = await lockDead(db, settings, id)
        if (!dead) return false
        await boss.deleteJob(settings.deadQueue, id, { db })
        // Its own end is still remembered there, and would make a duplicate of it.
        await boss.deleteJob(settings.queue, id, { db })
        await boss.insert(settings.queue, [jobOf(revived(dead.data), { edition: dead.edition })], { db })
        return true
      })
    },

    async discard(id) {
      const { medium, settings } = await store()
      if (!isId(id)) return false
      return medium.transaction(async (db) => {
        if (!(await lockDead(db, settings, id))) return false
        await medium.boss.deleteJob(settings.deadQueue, id, { db })
        return true
      })
    },
  }
}

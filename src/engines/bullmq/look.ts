// What is asked of all queues: how many wait, what is dead, and where one task is.
import type { DeadTask, EngineAdmin, EngineStats } from '../../core/engine.ts'
import { deadTaskOf, FIELDS } from './jobs.ts'
import { isLost, type Lane } from './lane.ts'
import type { Store } from './store.ts'

type Results = readonly (readonly [Error | null, unknown])[] | null

/** The answers of a pipeline. @throws what one of them failed with */
function valuesOf(results: Results): readonly unknown[] {
  return (results ?? []).map(([error, value]) => {
    if (error) throw error
    return value
  })
}

/** Delayed tasks are kept by their time in the upper bits of a number. */
const dueBy = (now: number): string => String((now + 1) * 0x1000 - 1)

export async function statsOf({ commands, lanes }: Store): Promise<EngineStats> {
  await lanes.refresh(commands)
  const now = Date.now()
  const pipeline = commands.pipeline()
  for (const { backend } of lanes.all) {
    const { wait = '', delayed = '', active = '' } = backend.keys
    pipeline.llen(wait).zcard(delayed).zcount(delayed, '-inf', dueBy(now)).llen(active)
    pipeline.lindex(wait, -1).zrange(delayed, '0', '0')
  }
  const values = valuesOf(await pipeline.exec())
  const total = { scope: 'store' as const, ready: 0, delayed: 0, running: 0, oldestReadyMs: 0 }
  const oldest: string[] = []
  for (const [index, { backend }] of lanes.all.entries()) {
    const [wait, delayed, due, active, first, next] = values.slice(6 * index, 6 * index + 6)
    total.ready += Number(wait) + Number(due)
    total.delayed += Number(delayed) - Number(due)
    total.running += Number(active)
    if (typeof first === 'string') oldest.push(backend.toKey(first))
    if (Number(due) > 0 && Array.isArray(next)) oldest.push(backend.toKey(String(next[0])))
  }
  return { ...total, oldestReadyMs: await oldestOf(commands, oldest, now) }
}

async function oldestOf(commands: Store['commands'], keys: readonly string[], now: number): Promise<number> {
  if (keys.length === 0) return 0
  const pipeline = commands.pipeline()
  for (const key of keys) pipeline.hmget(key, FIELDS.readyAt, 'timestamp', 'opts')
  const ages = valuesOf(await pipeline.exec()).map((fields) => {
    const [readyAt, timestamp, opts] = fields as readonly (string | null)[]
    const { delay = 0 } = JSON.parse(opts ?? '{}') as { readonly delay?: number }
    return now - (readyAt ? Number(readyAt) : Number(timestamp ?? now) + delay)
  })
  return Math.max(0, ...ages)
}

/** Takes it out of its queue, which a worker does in one step too: so it is either cancelled or run. */
export async function cancel({ commands, lanes }: Store, id: string): Promise<'waiting' | 'running' | 'unknown'> {
  await lanes.refresh(commands)
  const multi = commands.multi()
  for (const { backend } of lanes.all) {
    const { wait = '', delayed = '', active = '' } = backend.keys
    multi.lrem(wait, 1, id).zrem(delayed, id).lpos(active, id)
  }
  const values = valuesOf(await multi.exec())
  for (const [index, { backend }] of lanes.all.entries()) {
    const [waited, later, active] = values.slice(3 * index, 3 * index + 3)
    if (waited === 1 || later === 1) return backend.remove(id, false).then(() => 'waiting')
    if (typeof active === 'number') return 'running'
  }
  return 'unknown'
}

export class Admin implements EngineAdmin {
  readonly #store: () => Store

  constructor(store: () => Store) {
    this.#store = store
  }

  async list({
    limit,
    name,
  }: {
    readonly limit: number
    readonly name?: string | undefined
  }): Promise<readonly DeadTask[]> {
    const { commands, lanes } = this.#store()
    await lanes.refresh(commands)
    const asked = lanes.all.filter(({ label }) => name === undefined || label === name)
    const newest = commands.pipeline()
    for (const { backend } of asked) newest.zrevrange(backend.keys['failed'] ?? '', 0, limit - 1)
    const keys = valuesOf(await newest.exec()).flatMap((ids, index) =>
      (ids as readonly string[]).map((id) => asked[index]?.backend.toKey(id) ?? ''),
    )
    const jobs = commands.pipeline()
    for (const key of keys) jobs.hmget(key, 'data', FIELDS.deathNote)
    const tasks = valuesOf(await jobs.exec()).flatMap((fields) => {
      const [data, note] = fields as readonly (string | null)[]
      return (data && note && deadTaskOf(data, note)) || []
    })
    return tasks.toSorted((a, b) => b.note.at - a.note.at).slice(0, limit)
  }

  async retry(id: string): Promise<boolean> {
    const lane = await this.#laneOf(id)
    if (!lane) return false
    const job = { id, opts: {} } as Parameters<Lane['backend']['retryFinishedJob']>[0]
    try {
      await lane.backend.retryFinishedJob(job, 'failed')
      return true
    } catch (thrown) {
      // Somebody else did the same; BullMQ lets one of them.
      if (isLost(thrown)) return false
      throw thrown
    }
  }

  async discard(id: string): Promise<boolean> {
    const lane = await this.#laneOf(id)
    if (!lane) return false
    if ((await this.#store().commands.zrem(lane.backend.keys['failed'] ?? '', id)) === 0) return false
    await lane.backend.remove(id, false)
    return true
  }

  /** Where it is dead. */
  async #laneOf(id: string): Promise<Lane | undefined> {
    const { commands, lanes } = this.#store()
    await lanes.refresh(commands)
    const pipeline = commands.pipeline()
    for (const { backend } of lanes.all) pipeline.zscore(backend.keys['failed'] ?? '', id)
    const index = valuesOf(await pipeline.exec()).findIndex((score) => score !== null)
    return lanes.all[index]
  }
}

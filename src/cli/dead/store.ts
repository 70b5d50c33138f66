// The store that `koa-afterglow dead` looks into, opened as a process that adds and does not work.
import { existsSync } from 'node:fs'
import type { Engine, EngineAdmin, EngineHost } from '../../core/engine.ts'
import { UsageError } from '../usage.ts'

export interface Where {
  /** `postgres://...`, `redis://...`, or the folder of an embedded store. */
  readonly store: string
  readonly queue: string | undefined
  readonly schema: string | undefined
  readonly prefix: string | undefined
}

export interface Opened {
  readonly admin: EngineAdmin
  close(): Promise<void>
}

const CLOSE_MS = 5_000

/** @throws UsageError; what the engine throws when its store cannot be opened */
export async function openStore(where: Where): Promise<Opened> {
  const engine = await engineOf(where)
  const close = async () => void (await engine.stop({ deadlineMs: CLOSE_MS }))
  try {
    await engine.start(HOST)
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
  if (!engine.admin) throw new Error(`engine '${engine.name}' keeps no dead tasks`)
  return { admin: engine.admin, close }
}

async function engineOf({ store, queue, schema, prefix }: Where): Promise<Engine> {
  const kind = /^(postgres|redis)(?:ql|s)?:\/\//.exec(store)?.[1]
  if (prefix !== undefined && kind !== 'redis') throw new UsageError('--prefix is of Redis')
  if (schema !== undefined && kind === 'redis') throw new UsageError('--schema is of PostgreSQL')
  const queued = queue !== undefined && { queue }
  if (kind === 'redis') {
    const { bullmq } = await import('../../engines/bullmq.ts')
    // Looking at what is there risks nothing.
    return bullmq({ connection: store, acceptLoss: true, ...queued, ...(prefix !== undefined && { prefix }) })
  }
  const { pgBoss } = await import('../../engines/pg-boss.ts')
  const kept = { ...queued, ...(schema !== undefined && { schema }) }
  if (kind === 'postgres') return pgBoss({ connectionString: store, migrate: false, ...kept })
  if (store.includes('://')) throw new UsageError(`--store takes postgres://, redis:// or a folder, not '${store}'`)
  // A folder that is misspelt would become an empty store.
  if (!existsSync(store)) throw new UsageError(`there is no store in '${store}'`)
  return pgBoss({ pglite: store, ...kept })
}

const HOST: EngineHost = {
  consume: false,
  run: () => undefined,
  room: () => 0,
  closed: new Set(),
  report: (event) => {
    if ('error' in event) process.stderr.write(`koa-afterglow: ${event.error.message}\n`)
  },
}

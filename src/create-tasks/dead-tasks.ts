import type { DeadTask, Engine, EngineAdmin } from '../core/engine.ts'
import { checkCount } from '../core/options.ts'
import type { Runner } from '../core/runner.ts'

export interface DeadQuery {
  /** @default 100 */
  readonly limit?: number
  /** Of this task alone. */
  readonly name?: string
}

/** Tasks of durable engines that ended badly; they are kept until somebody decides. All stores together. */
export interface DeadTasks {
  /** Newest death first. */
  list(query?: DeadQuery): Promise<readonly DeadTask[]>
  /** Runs it again under the same id, from attempt 1, at once and without an expiry. False if it is not dead. */
  retry(id: string): Promise<boolean>
  /** Forgets it. False if it is not dead. */
  discard(id: string): Promise<boolean>
}

/** Opens the stores if nothing did yet, as `tasks.start()` does. */
export function deadTasks(stage: { readonly runner: Runner }): DeadTasks {
  const stores = async (): Promise<readonly (Engine & { readonly admin: EngineAdmin })[]> => {
    const { runner } = stage
    runner.start()
    const engines = runner.engines.filter((engine): engine is Engine & { readonly admin: EngineAdmin } =>
      Boolean(engine.admin),
    )
    await Promise.all(engines.map((engine) => runner.flow.dispatch.opened(engine)))
    return engines
  }
  const anyOf = async (act: (admin: EngineAdmin) => Promise<boolean>): Promise<boolean> => {
    for (const engine of await stores())
      if (await act(engine.admin)) {
        engine.wake()
        return true
      }
    return false
  }
  return {
    async list({ limit = 100, name } = {}) {
      checkCount({ limit }, 'tasks.dead.list')
      const lists = await Promise.all((await stores()).map(({ admin }) => admin.list({ limit, name })))
      return lists
        .flat()
        .toSorted((a, b) => b.note.at - a.note.at)
        .slice(0, limit)
    },
    retry: (id) => anyOf((admin) => admin.retry(id)),
    discard: (id) => anyOf((admin) => admin.discard(id)),
  }
}

import { createTasks, inProcess, type Tasks, type TasksOptions } from 'koa-afterglow'
import { manualClock, memoryEngine, MemoryStore, type ManualClock, type MemoryEngine } from 'koa-afterglow/testing'
import { seeing, type Seen } from './runner.ts'

export interface DurableBench {
  readonly tasks: Tasks
  readonly clock: ManualClock
  readonly seen: Seen
  readonly store: MemoryStore
  readonly engine: MemoryEngine
}

interface DurableOptions extends TasksOptions {
  /** Shared by several runners, as several processes share a database. */
  readonly on?: Pick<DurableBench, 'store' | 'clock'>
}

/** A runner with a durable engine `durable`, all on a clock that the test turns. */
export function durableTasks({ on, ...options }: DurableOptions = {}): DurableBench {
  const clock = on?.clock ?? manualClock()
  const store = on?.store ?? new MemoryStore({ clock })
  const engine = memoryEngine({ store })
  const seen = seeing()
  const engines = { default: inProcess({ clock }), durable: engine, ...options.engines }
  const tasks = createTasks({ logger: false, ...options, engines })
  tasks.observe(seen)
  return { tasks, clock, seen, store, engine }
}

/** In the order in which they were told. */
export const resultsOf = ({ submissions }: Seen): readonly string[] =>
  submissions.map(({ name, result }) => `${name} ${result}`)
export const outcomesOf = ({ outcomes }: Seen): readonly string[] =>
  outcomes.map(({ name, outcome }) => `${name} ${outcome.outcome}`)

// What runs on a thread: it gets one job at a time, and tells its end of the port what happens.
import { AsyncLocalStorage } from 'node:async_hooks'
import { fileURLToPath } from 'node:url'
import { workerData, type Transferable } from 'node:worker_threads'
import { findUncloneable } from './cloneable.ts'
import { packThrown } from './crossing-errors.ts'
import type { Asked, Job, ThreadData, Told } from './messages.ts'
import { makeTask } from './thread-task.ts'

/** What telemetry does round a job, on its thread. */
export interface ThreadScope {
  /** Runs `work` in the context that was sent along. */
  run<R>(carried: unknown, ship: (seen: unknown) => void, work: () => R): R
  /** Lets go of what telemetry of the thread's own holds back, before the thread is ended. */
  flush(): Promise<void>
  /** Where in that context we are, for a log line that is written on the main thread. */
  where(): unknown
}
type Work = (input: unknown, task: unknown) => unknown
type Tell = (told: Told, transfer?: readonly Transferable[]) => void

/** One attempt on this thread, for as long as anything of it may still speak: until the next one begins. */
interface Current {
  readonly job: Job
  readonly tell: Tell
}

export function makeJobRunner(scope: ThreadScope): (job: Job) => Promise<void> {
  const store = new AsyncLocalStorage<Current>()
  let last: Current | undefined
  const whose = () => store.getStore() ?? last
  if ((workerData as ThreadData | null)?.contains) containRejections(whose)
  // The error that the main thread is told of by Node has lost its class.
  process.on('uncaughtExceptionMonitor', (error: unknown) =>
    whose()?.tell({ type: 'dying', thrown: packThrown(error) }),
  )
  return async (job) => {
    last?.job.port.close()
    const { port } = job
    const current: Current = { job, tell: (told, transfer = []) => port.postMessage(told, [...transfer]) }
    last = current
    port.on('message', ({ type }: Asked) => {
      if (type === 'flush') void scope.flush().finally(() => current.tell({ type: 'flushed' }))
    })
    current.tell({ type: 'began' })
    await store.run(current, () => run(current, scope))
  }
}

/** A rejection that nobody handles is the job's whose async context it surfaces in, else of the only one there was. */
function containRejections(whose: () => Current | undefined): void {
  process.on('unhandledRejection', (reason) => {
    const current = whose()
    if (!current) throw reason
    current.tell({ type: 'stray', thrown: packThrown(reason) })
  })
}

async function run({ job, tell }: Current, scope: ThreadScope): Promise<void> {
  const work = await load(job, tell)
  if (!work) return
  try {
    const task = makeTask(job, tell, scope.where)
    const ship = (seen: unknown) => tell({ type: 'seen', seen })
    giveBack(await scope.run(job.carried, ship, () => work(job.input, task)), tell)
  } catch (thrown) {
    tell({ type: 'threw', thrown: packThrown(thrown) })
  }
}

/** The keys under which piscina's `move()` keeps a value and what of it is to be transferred. */
const TRANSFERABLE = Symbol.for('Piscina.transferable')
const VALUE = Symbol.for('Piscina.valueOf')

function giveBack(result: unknown, tell: Tell): void {
  const moved = typeof result === 'object' && result !== null && TRANSFERABLE in result && VALUE in result
  const value = moved ? result[VALUE] : result
  const transfer = moved ? ([result[TRANSFERABLE]].flat() as Transferable[]) : []
  try {
    tell({ type: 'returned', value }, transfer)
  } catch (thrown) {
    const found = findUncloneable(value)
    const what = found ? `${found.what}${found.path && ` at ${found.path}`}` : String(thrown)
    tell({ type: 'misfit', kind: 'result', message: what, cause: packThrown(thrown) })
  }
}

/** Node keeps modules that were loaded; a second job of the same file costs a look. */
async function load({ href, exportName }: Job, tell: Tell): Promise<Work | undefined> {
  const path = fileURLToPath(href)
  const misfit = (message: string, thrown?: unknown): undefined => {
    tell({ type: 'misfit', kind: 'module', message, cause: thrown === undefined ? undefined : packThrown(thrown) })
  }
  try {
    const module = (await import(href)) as Readonly<Record<string, unknown>>
    const work = exported(module, exportName)
    if (typeof work === 'function') return work as Work
    const known = Object.keys(module).filter((one) => one !== 'module.exports' && typeof module[one] === 'function')
    return misfit(`${path} exports no function '${exportName}'; it exports ${known.join(', ') || 'none'}`)
  } catch (thrown) {
    return misfit(`${path} cannot be loaded: ${String(thrown)}`, thrown)
  }
}

/** Of a CommonJS module, what it exports may be seen as its default alone. */
function exported(module: Readonly<Record<string, unknown>>, name: string): unknown {
  const own = module[name]
  if (typeof own === 'function') return own
  return (module['default'] as Readonly<Record<string, unknown>> | null | undefined)?.[name]
}

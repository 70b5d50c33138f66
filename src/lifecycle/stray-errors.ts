import type { TaskRecord } from '../core/task.ts'

/** One runner, as far as stray errors are concerned. */
export interface StrayErrorOwner {
  /** The task in whose async context the error surfaces, if it is one of this runner's. A labelled best guess. */
  claim(): { readonly record: TaskRecord; readonly fresh: boolean } | undefined
  /** False to look on only. */
  readonly contains: boolean
  report(thrown: unknown, record: TaskRecord, contained: boolean): void
}

interface Shared {
  readonly owners: Set<StrayErrorOwner>
  readonly rejected: (reason: unknown) => void
  readonly thrown: (error: unknown) => void
  /** What was raised again, until Node has raised it: it has been reported. */
  again: { readonly reason: unknown } | undefined
}

// One pair of listeners per process, also when the ES module and the CommonJS build are both loaded: two would each find
// that they are not alone, and contain nothing.
const KEY = Symbol.for('koa-afterglow.stray-errors')
const shared = ((globalThis as { [KEY]?: Shared })[KEY] ??= makeShared())

/**
 * Watches for errors that escape a task: a floating rejection, a throw in a timer. A rejection is contained (the process
 * lives on) only while its task runs or shortly after, and only if nobody else listens; any other is raised again by Node
 * itself, with the same words and exit code as without us. Uncaught exceptions are reported, never contained.
 */
export function watchStrayErrors(owner: StrayErrorOwner): () => void {
  if (shared.owners.size === 0) {
    process.on('unhandledRejection', shared.rejected)
    process.on('uncaughtExceptionMonitor', shared.thrown)
  }
  shared.owners.add(owner)
  return () => {
    shared.owners.delete(owner)
    if (shared.owners.size > 0) return
    process.removeListener('unhandledRejection', shared.rejected)
    process.removeListener('uncaughtExceptionMonitor', shared.thrown)
  }
}

function makeShared(): Shared {
  return { owners: new Set(), rejected, thrown, again: undefined }
}

function rejected(reason: unknown): void {
  const alone = process.listenerCount('unhandledRejection') === 1
  const found = find()
  const contained = found !== undefined && alone && found.fresh && found.owner.contains
  found?.owner.report(reason, found.record, contained)
  if (alone && !contained && !nodeActsAnyway()) raiseAgain(reason)
}

function thrown(error: unknown): void {
  const reported = shared.again?.reason === error
  shared.again = undefined
  const found = reported ? undefined : find()
  found?.owner.report(error, found.record, false)
}

function find(): { owner: StrayErrorOwner; record: TaskRecord; fresh: boolean } | undefined {
  for (const owner of shared.owners) {
    const claimed = owner.claim()
    if (claimed) return { owner, ...claimed }
  }
  return undefined
}

/** In these modes of `--unhandled-rejections` Node warns or throws whoever listens, and would do it twice. */
function nodeActsAnyway(): boolean {
  const flags = [...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/), ...process.execArgv].join(' ')
  const mode = [...flags.matchAll(/--unhandled-rejections[= ](\S+)/g)].at(-1)?.[1]
  return mode === 'warn' || mode === 'strict'
}

/** With our listener out of the way Node does what its mode says. Never `throw`: that would print our own stack. */
function raiseAgain(reason: unknown): void {
  process.removeListener('unhandledRejection', shared.rejected)
  shared.again = { reason }
  void Promise.reject(reason)
  setImmediate(() => {
    shared.again = undefined
    if (shared.owners.size > 0) process.on('unhandledRejection', shared.rejected)
  })
}

/** One runner, as far as the end of its process is concerned. */
export interface ExitWatched {
  inFlight(): number
  /** Nothing will start or end those any more. */
  report(): void
}

interface Shared {
  readonly watched: Map<ExitWatched, number>
  readonly ends: () => void
}

// One pair of listeners per process, however many runners and copies of this package there are.
const KEY = Symbol.for('koa-afterglow.unfinished')
const shared = ((globalThis as { [KEY]?: Shared })[KEY] ??= { watched: new Map(), ends })

/**
 * Says it when the process ends with accepted tasks in it: because nothing keeps it alive for them, such as those of a paused
 * task, by `process.exit()`, or by an error nobody caught. They are lost with it; but not unseen. A signal that nobody
 * listens for ends it without a word.
 */
export function watchExit(one: ExitWatched): () => void {
  if (shared.watched.size === 0) {
    process.on('beforeExit', shared.ends)
    process.on('exit', shared.ends)
  }
  shared.watched.set(one, 0)
  return () => {
    shared.watched.delete(one)
    if (shared.watched.size > 0) return
    process.removeListener('beforeExit', shared.ends)
    process.removeListener('exit', shared.ends)
  }
}

/** Asked again, by Node or because a listener gave it more to do, the same is not said twice. */
function ends(): void {
  for (const [one, said] of shared.watched) {
    const inFlight = one.inFlight()
    if (inFlight > 0 && inFlight !== said) one.report()
    shared.watched.set(one, inFlight)
  }
}

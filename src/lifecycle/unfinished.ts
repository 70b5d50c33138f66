/** One runner, as far as the end of its process is concerned. */
export interface ExitWatched {
  inFlight(): number
  /** The event loop is empty: nothing will start those any more. */
  report(): void
}

interface Shared {
  readonly watched: Map<ExitWatched, number>
  readonly empty: () => void
}

// One listener per process, however many runners and copies of this package there are.
const KEY = Symbol.for('koa-afterglow.unfinished')
const shared = ((globalThis as { [KEY]?: Shared })[KEY] ??= { watched: new Map(), empty })

/**
 * Says it when the process is about to end with accepted tasks in it that nothing keeps it alive for, such as those of a
 * paused task. They are lost with it; but not unseen. Nothing is said of `process.exit()` and signals: that is what `close()`
 * is for.
 */
export function watchExit(one: ExitWatched): () => void {
  if (shared.watched.size === 0) process.on('beforeExit', shared.empty)
  shared.watched.set(one, 0)
  return () => {
    shared.watched.delete(one)
    if (shared.watched.size === 0) process.removeListener('beforeExit', shared.empty)
  }
}

/** Node asks again if a listener gave it more to do; the same is not said twice. */
function empty(): void {
  for (const [one, said] of shared.watched) {
    const inFlight = one.inFlight()
    if (inFlight > 0 && inFlight !== said) one.report()
    shared.watched.set(one, inFlight)
  }
}

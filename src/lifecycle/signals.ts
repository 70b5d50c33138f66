/** npm forwards the signal of a Ctrl-C that the terminal sends too: what comes right behind one is the same one. */
const SAME_SIGNAL_MS = 500

export interface Signals {
  /** Resolves at the first one that comes from now on. */
  next(): Promise<void>
  /** Gives them back to Node, or to whoever else listens. */
  stop(): void
}

/** From here on these signals no longer end the process. */
export function listenFor(names: readonly NodeJS.Signals[]): Signals {
  let waiting: (() => void)[] = []
  let last = -Infinity
  const heard = (): void => {
    const now = performance.now()
    const same = now - last < SAME_SIGNAL_MS
    if (same) return
    last = now
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }
  for (const name of names) process.on(name, heard)
  return {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    stop: () => names.forEach((name) => process.removeListener(name, heard)),
  }
}

// The event loop and the time of the machine. Test runners replace the globals, perhaps before this is loaded; and some of them
// what the module exports, but only later.
import * as timers from 'node:timers'

const { setImmediate: immediate, setTimeout: timeout, clearTimeout: clear } = timers

/** The next turn of the event loop, with all promises that hang on this one done. */
export const turn = (): Promise<void> => new Promise((resolve) => void immediate(resolve))

/** Calls back after real milliseconds unless it is stopped. */
export function after(ms: number, fire: () => void): () => void {
  const timer = timeout(fire, ms)
  return () => clear(timer)
}

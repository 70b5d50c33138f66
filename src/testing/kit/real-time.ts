// The event loop and the time of the machine, taken when this was loaded: fake timers of a test runner replace the globals.
const immediate = globalThis.setImmediate
const timeout = globalThis.setTimeout
const clear = globalThis.clearTimeout

/** The next turn of the event loop, with all promises that hang on this one done. */
export const turn = (): Promise<void> => new Promise((resolve) => void immediate(resolve))

/** Calls back after real milliseconds unless it is stopped. */
export function after(ms: number, fire: () => void): () => void {
  const timer = timeout(fire, ms)
  return () => clear(timer)
}

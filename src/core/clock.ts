import { AsyncResource } from 'node:async_hooks'
// By import: the global is a getter that is run each time.
import { performance } from 'node:perf_hooks'

/** Time as the runner sees it; tests give the in-process engine one they turn by hand. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** What `now()` gave last: for whoever acts right behind somebody that looked. */
  readonly recent: number
  /** What `now()` counts from, in milliseconds since the epoch. */
  readonly origin: number
  setTimer(fire: () => void, ms: number): Timer
  /** Once, in a later turn of the event loop. */
  setTurn(fire: () => void): void
}
export interface Timer {
  ref(): unknown
  unref(): unknown
  close(): unknown
}

/** The longest delay a Node timer takes; a longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

// A timer keeps the async context it was made in. One made inside a request would hold that request's `ctx` until it fires
// and then run strangers' tasks in it, so every timer and turn is made in the context this module was loaded in.
const neutral = new AsyncResource('AfterglowClock')

let recent = 0

/** By less than this the two clocks differ anyway. */
const STEP_MS = 1_000
let origin = performance.timeOrigin

export const systemClock: Clock = {
  now: () => (recent = performance.now()),
  get recent() {
    return recent
  },
  /** Not for ever what it was at the start: the clock of the wall is set, and goes on while a machine sleeps; other processes go by it. */
  get origin() {
    const now = Date.now() - performance.now()
    if (Math.abs(now - origin) > STEP_MS) origin = now
    return origin
  },
  setTimer: (fire, ms) => neutral.runInAsyncScope(setTimeout, undefined, fire, Math.min(ms, LONGEST_TIMER_MS)),
  setTurn: (fire) => void neutral.runInAsyncScope(setImmediate, undefined, fire),
}

/** Runs a function outside every request's and task's async context. */
export const runNeutral = <R>(run: () => R): R => neutral.runInAsyncScope(run)

/**
 * One timer for any number of deadlines. `check` does what is due and says when it is needed next (`Infinity`: not at all).
 * Removing a deadline costs nothing: the alarm then rings once for nobody.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #check: (now: number) => number
  #timer: Timer | undefined
  #due = Infinity
  #held = true

  constructor(clock: Clock, check: (now: number) => number) {
    this.#clock = clock
    this.#check = check
  }

  /** Rings at `due` or earlier. */
  at(due: number): void {
    if (due >= this.#due) return
    this.#due = due
    this.#timer?.close()
    const ms = Math.max(due - this.#clock.now(), 0)
    this.#timer = this.#clock.setTimer(() => this.#ring(), ms)
    if (!this.#held) this.#timer.unref()
  }

  /** Whether the pending ring keeps the process alive. */
  hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    if (held) this.#timer?.ref()
    else this.#timer?.unref()
  }

  #ring(): void {
    this.#timer = undefined
    this.#due = Infinity
    this.at(this.#check(this.#clock.now()))
  }
}

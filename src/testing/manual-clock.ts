import type { Clock, Timer } from '../core/clock.ts'
import { turn } from './kit/real-time.ts'

/**
 * Time turned by hand: `createTasks({ engines: { default: inProcess({ clock }) } })` is an engine in which nothing starts,
 * times out, retries or expires unless the test says so.
 */
export interface ManualClock extends Clock {
  /** Lets everything run that needs no time: event-loop turns and promises, until none is left. */
  settle(): Promise<void>
  /** Moves time by `ms`, stopping at each timer on the way, and settles after each. */
  advance(ms: number): Promise<void>
}

class ManualTimer implements Timer {
  readonly due: number
  readonly fire: () => void
  readonly #close: (timer: ManualTimer) => void

  constructor(due: number, fire: () => void, close: (timer: ManualTimer) => void) {
    this.due = due
    this.fire = fire
    this.#close = close
  }

  ref(): void {}
  unref(): void {}
  close(): void {
    this.#close(this)
  }
}

/** Manual time begins here, so that timestamps are the same in every run: 2026-01-01. */
const ORIGIN = Date.UTC(2026, 0, 1)

export interface ManualClockOptions {
  /** Milliseconds since the epoch at which it begins. @default the same in every run, 2026-01-01 */
  readonly origin?: number
}

export function manualClock({ origin = ORIGIN }: ManualClockOptions = {}): ManualClock {
  let now = 0
  let turns: (() => void)[] = []
  const timers = new Set<ManualTimer>()

  async function settle(): Promise<void> {
    do {
      const due = turns
      turns = []
      for (const fire of due) fire()
      // Native promises and what hangs on them are done before the next real turn of the event loop.
      await turn()
    } while (turns.length > 0)
  }

  const nextDue = (until: number): ManualTimer | undefined => {
    let next: ManualTimer | undefined
    for (const timer of timers) if (timer.due <= until && (!next || timer.due < next.due)) next = timer
    return next
  }

  async function advance(ms: number): Promise<void> {
    const until = now + ms
    await settle()
    for (let timer = nextDue(until); timer; timer = nextDue(until)) {
      timers.delete(timer)
      now = Math.max(now, timer.due)
      timer.fire()
      await settle()
    }
    now = until
  }

  return {
    now: () => now,
    get recent() {
      return now
    },
    origin,
    setTimer: (fire, ms) => {
      const timer = new ManualTimer(now + ms, fire, (one) => timers.delete(one))
      timers.add(timer)
      return timer
    },
    setTurn: (fire) => void turns.push(fire),
    settle,
    advance,
  }
}

import { runNeutral, systemClock, type Clock } from '../../core/clock.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import { manualClock, type ManualClock } from '../manual-clock.ts'

/** What the kit's runner lives by, and what the test turns. */
export interface KitClock {
  readonly core: Clock
  readonly hand: ManualClock
  /** Whether time passes by itself. */
  readonly real: boolean
}

/**
 * By hand as far as time goes; but what merely has to wait for a turn, such as a task behind its response, gets one as soon
 * as the code that runs now has returned. So a test that turns nothing still sees tasks start.
 */
export function kitClock(given: ManualClock | 'system' | undefined): KitClock {
  const real = given === 'system'
  const hand = real ? STANDING : (given ?? manualClock({ origin: Date.now() }))
  const time: Clock = real ? systemClock : hand
  const core: Clock = {
    now: () => time.now(),
    get recent() {
      return time.recent
    },
    origin: time.origin,
    setTimer: (fire, ms) => time.setTimer(fire, ms),
    setTurn: (fire) => void runNeutral(() => Promise.resolve().then(fire)),
  }
  return { core, hand, real }
}

const refuse = (): Promise<never> =>
  Promise.reject(new InvalidOptionError("takeOver({ clock: 'system' }): time passes by itself and cannot be turned"))

const STANDING: ManualClock = { ...systemClock, recent: 0, settle: refuse, advance: refuse }

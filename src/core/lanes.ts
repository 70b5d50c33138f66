import { Alarm, type Clock } from './clock.ts'
import { Fifo } from './fifo.ts'
import type { RegisteredTask } from './registry.ts'

/** One task's own limits at work. */
interface Lane {
  readonly task: RegisteredTask
  running: number
  paused: boolean
  /** When the last starts happened, as far as the rate limit still counts them. */
  readonly starts: Fifo<number>
}

/**
 * The bulkheads: which tasks must not start now, because they are paused, run at their own `concurrency`, or have used up
 * their `rateLimit`. A task without limits never gets a lane and costs nothing here.
 */
export class Lanes {
  /** Labels, for engines to look at. */
  readonly closed = new Set<string>()
  readonly #lanes = new Map<string, Lane>()
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #opened: () => void

  constructor(clock: Clock, opened: () => void) {
    this.#clock = clock
    this.#opened = opened
    this.#alarm = new Alarm(clock, (now) => this.#check(now))
  }

  started(task: RegisteredTask): void {
    const lane = this.#laneOf(task)
    if (!lane) return
    lane.running++
    if (task.settings.rateLimit) lane.starts.push(this.#clock.now())
    this.#update(lane)
  }

  ended(task: RegisteredTask): void {
    const lane = this.#laneOf(task)
    if (!lane) return
    lane.running--
    this.#update(lane)
  }

  pause(task: RegisteredTask, paused: boolean): void {
    const lane = this.#laneOf(task, true)
    if (!lane) return
    lane.paused = paused
    this.#update(lane)
  }

  /** Nothing will start any more; the process need not wait for a rate limit. */
  close(): void {
    this.#alarm.hold(false)
  }

  #laneOf(task: RegisteredTask, always = false): Lane | undefined {
    const { concurrency, rateLimit } = task.settings
    if (!always && concurrency === Infinity && !rateLimit && !this.#lanes.has(task.label)) return undefined
    let lane = this.#lanes.get(task.label)
    if (!lane) this.#lanes.set(task.label, (lane = { task, running: 0, paused: false, starts: new Fifo() }))
    return lane
  }

  #update(lane: Lane): void {
    const { label, settings } = lane.task
    const shut = lane.paused || lane.running >= settings.concurrency || !this.#hasToken(lane)
    if (shut) this.closed.add(label)
    else if (this.closed.delete(label)) this.#opened()
  }

  /** Whether fewer than `max` started within the last `perMs`; if not, the alarm rings when the oldest of them is out. */
  #hasToken({ task: { settings }, starts }: Lane): boolean {
    const { rateLimit } = settings
    if (!rateLimit) return true
    const now = this.#clock.now()
    while (starts.first !== undefined && starts.first <= now - rateLimit.perMs) starts.shift()
    if (starts.size < rateLimit.max) return true
    this.#alarm.at((starts.first ?? now) + rateLimit.perMs)
    return false
  }

  #check(_now: number): number {
    for (const lane of this.#lanes.values()) if (lane.task.settings.rateLimit) this.#update(lane)
    return Infinity
  }
}

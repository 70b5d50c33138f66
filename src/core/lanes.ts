import { Alarm, type Clock } from './clock.ts'
import type { Executor } from './executor.ts'
import { Fifo } from './fifo.ts'
import type { RegisteredTask } from './registry.ts'

/** One task's own limits at work. */
interface Lane {
  readonly task: RegisteredTask
  /** What it shares with other tasks of the same executor. */
  readonly group: Group | undefined
  running: number
  paused: boolean
  /** When the last starts happened, as far as the rate limit still counts them. */
  readonly starts: Fifo<number>
}

/** The tasks of one executor, which run on the same threads. */
interface Group {
  readonly concurrency: number
  readonly lanes: Set<Lane>
  running: number
  /** Accepted and not ended, running or not. */
  alive: number
}

/**
 * The bulkheads: which tasks must not start now, because they are paused, run at their own `concurrency`, have used up
 * their `rateLimit`, or find all threads busy. A task without limits never gets a lane and costs nothing here.
 */
export class Lanes {
  /** Labels, for engines to look at. */
  readonly closed = new Set<string>()
  readonly #lanes = new Map<string, Lane>()
  readonly #groups = new Map<Executor, Group>()
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
    if (lane.group) this.#updateGroup(lane.group, 1)
    else this.#update(lane)
  }

  ended(task: RegisteredTask): void {
    const lane = this.#laneOf(task)
    if (!lane) return
    lane.running--
    if (lane.group) this.#updateGroup(lane.group, -1)
    else this.#update(lane)
  }

  /** A task of an executor was accepted; it may be the first of its name, to find all threads busy. */
  entered(task: RegisteredTask): void {
    const lane = this.#laneOf(task)
    if (lane?.group) lane.group.alive++
  }

  left(task: RegisteredTask): void {
    const lane = this.#laneOf(task)
    if (lane?.group) lane.group.alive--
  }

  /** How many tasks of the executor have not started. */
  waiting(executor: Executor): number {
    const group = this.#groups.get(executor)
    return group ? group.alive - group.running : 0
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
    const known = this.#lanes.get(task.label)
    if (known) return known
    const { concurrency, rateLimit } = task.settings
    if (!always && concurrency === Infinity && !rateLimit && !task.executor) return undefined
    const group = task.executor && this.#groupOf(task.executor)
    const lane: Lane = { task, group, running: 0, paused: false, starts: new Fifo() }
    this.#lanes.set(task.label, lane)
    group?.lanes.add(lane)
    if (group) this.#update(lane)
    return lane
  }

  #groupOf(executor: Executor): Group {
    let group = this.#groups.get(executor)
    if (!group) {
      group = { concurrency: executor.concurrency, lanes: new Set(), running: 0, alive: 0 }
      this.#groups.set(executor, group)
    }
    return group
  }

  #updateGroup(group: Group, more: 1 | -1): void {
    group.running += more
    for (const lane of group.lanes) this.#update(lane)
  }

  #update(lane: Lane): void {
    const { task, group } = lane
    const { label, settings } = task
    const noThread = group !== undefined && group.running >= group.concurrency
    const shut = lane.paused || noThread || lane.running >= settings.concurrency || !this.#hasToken(lane)
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

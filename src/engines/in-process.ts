import { systemClock, Alarm, type Clock } from '../core/clock.ts'
import type { Ending, Engine, EngineHost, EngineStats, Envelope, Receipt } from '../core/engine.ts'
import { LaterQueue } from './in-process/later-queue.ts'
import { ReadyQueue } from './in-process/ready-queue.ts'

export interface InProcessOptions {
  /** Time, for tests: one they turn by hand makes this the manual engine. @default the system's */
  readonly clock?: Clock
}

/**
 * Keeps tasks in memory and runs them in this process: at most once, gone with the process, never silently.
 */
export const inProcess = (options: InProcessOptions = {}): Engine => new InProcessEngine(options)

/** How long one event-loop turn may go on starting tasks before sockets and timers get theirs. */
const TURN_MS = 1

const ALL_ACCEPTED: readonly Receipt[] = Object.freeze([])

class InProcessEngine implements Engine {
  readonly name = 'in_process'
  readonly capabilities = { durable: false, delay: true, priority: true, lateByMs: 0 } as const
  readonly clock: Clock
  readonly #ready = new ReadyQueue()
  readonly #later = new LaterQueue()
  readonly #alarm: Alarm
  #host: EngineHost | undefined
  #running = 0
  #turnScheduled = false
  #starting = false
  #stopped = false
  #turnEnds = 0

  constructor({ clock = systemClock }: InProcessOptions) {
    this.clock = clock
    this.#alarm = new Alarm(clock, (now) => this.#wakeLater(now))
  }

  start(host: EngineHost): void {
    this.#host = host
    this.#schedule()
  }

  enqueue(batch: readonly Envelope[]): readonly Receipt[] {
    for (const envelope of batch) {
      const due = envelope.startAt === undefined ? 0 : envelope.startAt - this.clock.origin
      if (due > 0 && due > this.clock.now()) this.#postpone(envelope, due)
      else this.#ready.push(envelope)
    }
    this.#schedule()
    return ALL_ACCEPTED
  }

  cancel(id: string): 'waiting' | 'unknown' {
    const waited = this.#ready.remove(id) || this.#later.remove(id)
    this.#alarm.hold(this.#later.size > 0)
    return waited ? 'waiting' : 'unknown'
  }

  wake(): void {
    this.#schedule()
  }

  stop(): readonly Envelope[] {
    this.#stopped = true
    const left = [...this.#ready.clear(), ...this.#later.clear()]
    this.#alarm.hold(false)
    return left
  }

  stats(): EngineStats {
    const { oldest } = this.#ready
    const now = this.clock.origin + this.clock.now()
    const oldestReadyMs = oldest ? Math.max(0, now - (oldest.startAt ?? oldest.addedAt)) : 0
    return {
      scope: 'process',
      ready: this.#ready.size,
      delayed: this.#later.size,
      running: this.#running,
      oldestReadyMs,
    }
  }

  #schedule(): void {
    if (this.#turnScheduled || !this.#host || this.#ready.size === 0 || this.#host.room() <= 0) return
    this.#turnScheduled = true
    this.clock.setTurn(this.#turn)
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false
    this.#turnEnds = this.clock.now() + TURN_MS
    if (this.#startReady()) this.#schedule()
  }

  /** True if only the end of the turn kept it from starting more. */
  #startReady(): boolean {
    const host = this.#host
    if (!host) return false
    this.#starting = true
    let ranOutOfTime = false
    while (host.room() > 0 && !ranOutOfTime) {
      const envelope = this.#ready.shift(host.closed)
      if (!envelope) break
      this.#running++
      host.run(envelope, this.#ended)
      ranOutOfTime = this.clock.recent >= this.#turnEnds
    }
    this.#starting = false
    return ranOutOfTime
  }

  /** A task that ends within the turn makes way for the next one at once; polling the event loop costs more than a task. */
  readonly #ended = (envelope: Envelope, ending: Ending): void => {
    this.#running--
    if ((ending.outcome === 'retried' || ending.outcome === 'returned') && !this.#stopped)
      this.#postpone(envelope, this.clock.now() + ending.afterMs)
    // A synchronous task ends inside the loop that started it.
    if (this.#starting || this.#ready.size === 0) return
    if (this.clock.recent >= this.#turnEnds || this.#startReady()) this.#schedule()
  }

  #postpone(envelope: Envelope, due: number): void {
    this.#later.add(envelope, due)
    this.#alarm.hold(true)
    this.#alarm.at(due)
  }

  #wakeLater(now: number): number {
    while (this.#later.nextDue <= now) {
      const envelope = this.#later.shift()
      if (envelope) this.#ready.push(envelope)
    }
    this.#schedule()
    this.#alarm.hold(this.#later.size > 0)
    return this.#later.nextDue
  }
}

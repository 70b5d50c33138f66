import { systemClock, Alarm, type Clock } from '../core/clock.ts'
import type { Ending, Engine, EngineHost, EngineStats, Envelope, Receipt } from '../core/engine.ts'
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

/** Waits for its time: a delay, or the pause before another attempt. */
interface Later {
  readonly envelope: Envelope
  readonly due: number
}

const ALL_ACCEPTED: readonly Receipt[] = Object.freeze([])

class InProcessEngine implements Engine {
  readonly name = 'in_process'
  readonly capabilities = { durable: false, delay: true, priority: true, lateByMs: 0 } as const
  readonly clock: Clock
  readonly #ready = new ReadyQueue()
  /** Sorted by `due`. */
  readonly #later: Later[] = []
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
      if (due > 0 && due > this.clock.now()) this.#postpone({ envelope, due })
      else this.#ready.push(envelope)
    }
    this.#schedule()
    return ALL_ACCEPTED
  }

  cancel(id: string): 'waiting' | 'unknown' {
    if (this.#ready.remove(id)) return 'waiting'
    const index = this.#later.findIndex(({ envelope }) => envelope.record.id === id)
    if (index < 0) return 'unknown'
    this.#later.splice(index, 1)
    return 'waiting'
  }

  wake(): void {
    this.#schedule()
  }

  stop(): readonly Envelope[] {
    this.#stopped = true
    const left = [...this.#ready.clear(), ...this.#later.map(({ envelope }) => envelope)]
    this.#later.length = 0
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
      delayed: this.#later.length,
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
      ranOutOfTime = this.clock.now() >= this.#turnEnds
    }
    this.#starting = false
    return ranOutOfTime
  }

  /** A task that ends within the turn makes way for the next one at once; polling the event loop costs more than a task. */
  readonly #ended = (envelope: Envelope, ending: Ending): void => {
    this.#running--
    if ((ending.outcome === 'retried' || ending.outcome === 'returned') && !this.#stopped)
      this.#postpone({ envelope, due: this.clock.now() + ending.afterMs })
    // A synchronous task ends inside the loop that started it.
    if (this.#starting || this.#ready.size === 0) return
    if (this.clock.now() >= this.#turnEnds || this.#startReady()) this.#schedule()
  }

  #postpone(later: Later): void {
    let low = 0
    let high = this.#later.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#later[middle] as Later).due <= later.due) low = middle + 1
      else high = middle
    }
    this.#later.splice(low, 0, later)
    this.#alarm.hold(true)
    this.#alarm.at(later.due)
  }

  #wakeLater(now: number): number {
    while (this.#later[0] && this.#later[0].due <= now) {
      const later = this.#later.shift()
      if (later) this.#ready.push(later.envelope)
    }
    this.#schedule()
    this.#alarm.hold(this.#later.length > 0)
    return this.#later[0]?.due ?? Infinity
  }
}

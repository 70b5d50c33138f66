import { systemClock, Alarm, type Clock } from '../core/clock.ts'
import type { Engine, EngineStats, Envelope, Receipt, RunTask } from '../core/engine.ts'
import { Fifo } from '../core/fifo.ts'
import type { AttemptOutcome } from '../core/task.ts'

export interface InProcessOptions {
  /** Tasks running at the same time. @default 100 */
  readonly concurrency?: number
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
  readonly backoff: boolean
}

const ALL_ACCEPTED: readonly Receipt[] = Object.freeze([])

class InProcessEngine implements Engine {
  readonly name = 'in_process'
  readonly capabilities = { durable: false, delay: true, runOn: ['settled', 'sent', 'success'] } as const
  readonly clock: Clock
  readonly #concurrency: number
  readonly #ready = new Fifo<Envelope>()
  /** Sorted by `due`. */
  readonly #later: Later[] = []
  readonly #alarm: Alarm
  #run: RunTask | undefined
  #running = 0
  #turnScheduled = false
  #starting = false
  #stopped = false
  #turnEnds = 0

  constructor({ concurrency = 100, clock = systemClock }: InProcessOptions) {
    this.#concurrency = concurrency
    this.clock = clock
    this.#alarm = new Alarm(clock, (now) => this.#wake(now))
  }

  start(run: RunTask): void {
    this.#run = run
    this.#schedule()
  }

  enqueue(batch: readonly Envelope[]): readonly Receipt[] {
    for (const envelope of batch) {
      const due = envelope.notBefore
      if (due > 0 && due > this.clock.now()) this.#postpone({ envelope, due, backoff: false })
      else this.#ready.push(envelope)
    }
    this.#schedule()
    return ALL_ACCEPTED
  }

  cancel(id: string): boolean {
    const has = (envelope: Envelope) => envelope.record.id === id
    if (this.#ready.remove(has)) return true
    const index = this.#later.findIndex(({ envelope }) => has(envelope))
    if (index >= 0) this.#later.splice(index, 1)
    return index >= 0
  }

  stop(): readonly Envelope[] {
    this.#stopped = true
    const left = [...this.#ready.clear(), ...this.#later.map(({ envelope }) => envelope)]
    this.#later.length = 0
    this.#alarm.hold(false)
    return left
  }

  stats(): EngineStats {
    const backoff = this.#later.filter((one) => one.backoff).length
    const delayed = this.#later.length - backoff
    return { queued: this.#ready.size, delayed, backoff, running: this.#running }
  }

  #schedule(): void {
    if (this.#turnScheduled || !this.#run || this.#ready.size === 0 || this.#running >= this.#concurrency) return
    this.#turnScheduled = true
    this.clock.setTurn(this.#turn)
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false
    this.#turnEnds = this.clock.now() + TURN_MS
    this.#startReady()
  }

  #startReady(): void {
    this.#starting = true
    while (this.#running < this.#concurrency && this.#run) {
      const envelope = this.#ready.shift()
      if (!envelope) break
      this.#running++
      this.#run(envelope, this.#ended)
      if (this.clock.now() >= this.#turnEnds) break
    }
    this.#starting = false
    this.#schedule()
  }

  /** A task that ends within the turn makes way for the next one at once; polling the event loop costs more than a task. */
  readonly #ended = (envelope: Envelope, outcome: AttemptOutcome): void => {
    this.#running--
    if (outcome.outcome === 'retried' && !this.#stopped)
      this.#postpone({ envelope, due: this.clock.now() + outcome.afterMs, backoff: true })
    // A synchronous task ends inside the loop that started it.
    if (this.#starting || this.#ready.size === 0) return
    if (this.clock.now() < this.#turnEnds) this.#startReady()
    else this.#schedule()
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

  #wake(now: number): number {
    while (this.#later[0] && this.#later[0].due <= now) {
      const later = this.#later.shift()
      if (later) this.#ready.push(later.envelope)
    }
    this.#schedule()
    this.#alarm.hold(this.#later.length > 0)
    return this.#later[0]?.due ?? Infinity
  }
}

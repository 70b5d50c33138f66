import { systemClock, Alarm, type Clock } from '../core/clock.ts'
import type { Engine, EngineStats, Envelope, Receipt, RunTask } from '../core/engine.ts'
import { LinkedSet, type Linked } from '../core/linked-set.ts'
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

/** An envelope's place in a queue. */
class Place implements Linked<Place> {
  readonly envelope: Envelope
  readonly due: number
  readonly backoff: boolean
  older: Place | undefined
  newer: Place | undefined

  constructor(envelope: Envelope, due: number, backoff: boolean) {
    this.envelope = envelope
    this.due = due
    this.backoff = backoff
  }
}

const ALL_ACCEPTED: readonly Receipt[] = Object.freeze([])

class InProcessEngine implements Engine {
  readonly name = 'in_process'
  readonly capabilities = { durable: false, delay: true, runOn: ['settled', 'sent', 'success'] } as const
  readonly clock: Clock
  readonly #concurrency: number
  readonly #ready = new LinkedSet<Place>()
  /** Sorted by `due`. */
  readonly #later: Place[] = []
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
    const now = this.clock.now()
    for (const envelope of batch) {
      if (envelope.notBefore > now) this.#postpone(new Place(envelope, envelope.notBefore, false))
      else this.#ready.add(new Place(envelope, now, false))
    }
    this.#schedule()
    return ALL_ACCEPTED
  }

  cancel(id: string): boolean {
    for (const place of this.#ready)
      if (place.envelope.record.id === id) {
        this.#ready.delete(place)
        return true
      }
    const index = this.#later.findIndex((place) => place.envelope.record.id === id)
    if (index >= 0) this.#later.splice(index, 1)
    return index >= 0
  }

  stop(): readonly Envelope[] {
    this.#stopped = true
    const left = [...this.#ready, ...this.#later].map((place) => place.envelope)
    for (const place of this.#ready) this.#ready.delete(place)
    this.#later.length = 0
    return left
  }

  stats(): EngineStats {
    const now = this.clock.now()
    const backoff = this.#later.filter((place) => place.backoff).length
    const oldest = this.#ready.first
    return {
      queued: this.#ready.size,
      delayed: this.#later.length - backoff,
      backoff,
      running: this.#running,
      oldestReadyMs: oldest ? now - oldest.due : 0,
    }
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
    while (this.#running < this.#concurrency && !this.#stopped) {
      const place = this.#ready.first
      if (!place || !this.#run) break
      this.#ready.delete(place)
      this.#running++
      this.#run(place.envelope, this.#ended)
      if (this.clock.now() >= this.#turnEnds) break
    }
    this.#starting = false
    this.#schedule()
  }

  /** A task that ends within the turn makes way for the next one at once; polling the event loop costs more than a task. */
  readonly #ended = (envelope: Envelope, outcome: AttemptOutcome): void => {
    this.#running--
    if (outcome.outcome === 'retried') this.#postpone(new Place(envelope, this.clock.now() + outcome.afterMs, true))
    // A synchronous task ends inside the loop that started it.
    if (this.#starting || this.#ready.size === 0) return
    if (this.clock.now() < this.#turnEnds) this.#startReady()
    else this.#schedule()
  }

  #postpone(place: Place): void {
    let low = 0
    let high = this.#later.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#later[middle] as Place).due <= place.due) low = middle + 1
      else high = middle
    }
    this.#later.splice(low, 0, place)
    this.#alarm.hold(true)
    this.#alarm.at(place.due)
  }

  #wake(now: number): number {
    while (this.#later[0] && this.#later[0].due <= now) {
      const place = this.#later.shift() as Place
      this.#ready.add(new Place(place.envelope, now, false))
    }
    this.#schedule()
    this.#alarm.hold(this.#later.length > 0)
    return this.#later[0]?.due ?? Infinity
  }
}

import { Alarm, type Clock } from '../../core/clock.ts'
import type { Ended, Engine, EngineCapabilities, EngineHost, EngineStats, Envelope } from '../../core/engine.ts'
import type { Submission } from '../../core/submission.ts'

/** One that waits: what it is, in which engine, and from when it may start by the clock. */
interface Waiting {
  readonly envelope: Envelope
  readonly engine: KitEngine
  readonly due: number
}

const BY_PRIORITY = ['high', 'normal', 'low']
const rankOf = ({ envelope }: Waiting): number => BY_PRIORITY.indexOf(envelope.priority ?? 'normal')

/**
 * Where tasks wait while their runner is taken over, whichever engine they are of. They start by themselves, one behind
 * the other, or only when told: the higher priority first, and within one in the order of the adds.
 */
export class Line {
  readonly clock: Clock
  readonly #byItself: boolean
  readonly #changed: () => void
  readonly #alarm: Alarm
  readonly #engines: KitEngine[] = []
  #waiting: Waiting[] = []
  #turnDue = false

  constructor(clock: Clock, byItself: boolean, changed: () => void) {
    this.clock = clock
    this.#byItself = byItself
    this.#changed = changed
    this.#alarm = new Alarm(clock, () => this.#rings())
    // A test that ends with tasks waiting must not keep its process alive for them.
    this.#alarm.hold(false)
  }

  engineFor(real: Engine): Engine {
    const engine = new KitEngine(real, this)
    this.#engines.push(engine)
    return engine
  }

  put(envelope: Envelope, engine: KitEngine, due: number): void {
    this.#waiting.push({ envelope, engine, due })
    if (due > this.clock.now()) this.#alarm.at(due)
    this.wake()
  }

  /** The next that may start now. */
  next(fits: (envelope: Envelope) => boolean = () => true): Waiting | undefined {
    const now = this.clock.now()
    return this.#waiting
      .filter((one) => one.due <= now && one.engine.admits(one.envelope) && fits(one.envelope))
      .toSorted((a, b) => rankOf(a) - rankOf(b))[0]
  }

  start(one: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== one)
    one.engine.run(one.envelope)
  }

  /** Whether this one would start by itself as things are. */
  willStart(submission: Submission): boolean {
    return (
      this.#byItself && this.#waiting.some(({ envelope, engine }) => envelope === submission && engine.admits(envelope))
    )
  }

  /** When the next of those that wait for a time is due; for a rate limit, when it has surely opened again. */
  get nextDue(): number | undefined {
    const now = this.clock.now()
    const dues = this.#waiting.flatMap(({ due, envelope }) => {
      const { rateLimit } = (envelope as Submission).settings
      return due > now ? [due] : rateLimit ? [now + rateLimit.perMs] : []
    })
    return dues.length > 0 ? Math.min(...dues) : undefined
  }

  take(id: string): boolean {
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter(({ envelope }) => envelope.record.id !== id)
    return this.#waiting.length < before
  }

  takeAll(engine: KitEngine): readonly Envelope[] {
    const own = this.#waiting.filter((one) => one.engine === engine)
    this.#waiting = this.#waiting.filter((one) => one.engine !== engine)
    return own.map(({ envelope }) => envelope)
  }

  statsOf(engine: KitEngine): Pick<EngineStats, 'ready' | 'delayed'> {
    const now = this.clock.now()
    const own = this.#waiting.filter((one) => one.engine === engine)
    const delayed = own.filter(({ due }) => due > now).length
    return { ready: own.length - delayed, delayed }
  }

  wake(): void {
    this.#changed()
    if (this.#turnDue || !this.#byItself) return
    this.#turnDue = true
    this.clock.setTurn(() => {
      this.#turnDue = false
      for (let one = this.next(); one; one = this.next()) this.start(one)
    })
  }

  #rings(): number {
    this.wake()
    const now = this.clock.now()
    return Math.min(Infinity, ...this.#waiting.flatMap(({ due }) => (due > now ? [due] : [])))
  }
}

/** What stands for one of the application's engines. */
class KitEngine implements Engine {
  readonly name: string
  readonly capabilities: EngineCapabilities
  readonly clock: Clock
  readonly #line: Line
  #host: EngineHost | undefined
  #running = 0

  /** What the real one refuses is refused; what it would store runs here. */
  constructor({ name, capabilities }: Engine, line: Line) {
    this.name = name
    this.capabilities = { ...capabilities, durable: false, asDurable: capabilities.durable }
    this.clock = line.clock
    this.#line = line
  }

  start(host: EngineHost): void {
    this.#host = host
    this.#line.wake()
  }

  enqueue(batch: readonly Envelope[]): readonly never[] {
    for (const envelope of batch) this.#line.put(envelope, this, (envelope.startAt ?? 0) - this.clock.origin)
    return []
  }

  cancel(id: string): 'waiting' | 'unknown' {
    return this.#line.take(id) ? 'waiting' : 'unknown'
  }

  wake(): void {
    this.#line.wake()
  }

  stop(): readonly Envelope[] {
    this.#host = undefined
    return this.#line.takeAll(this)
  }

  stats(): EngineStats {
    return { scope: 'process', ...this.#line.statsOf(this), running: this.#running, oldestReadyMs: 0 }
  }

  admits({ record }: Envelope): boolean {
    return this.#host !== undefined && !this.#host.closed.has(record.label) && this.#host.room() > 0
  }

  run(envelope: Envelope): void {
    this.#running++
    this.#host?.run(envelope, this.#ended)
  }

  readonly #ended: Ended = (envelope, ending) => {
    this.#running--
    if ((ending.outcome === 'retried' || ending.outcome === 'returned') && this.#host)
      this.#line.put(envelope, this, this.clock.now() + ending.afterMs)
    else this.#line.wake()
  }
}

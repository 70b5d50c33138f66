import { createTasks, type Add, type Logger, type Tasks } from 'koa-afterglow'
import type { BenchSdk } from '../telemetry.ts'
import { deaf, endless, mix, parked, quick, swallowed, type Kind } from './kinds.ts'
import { startServer, type SoakServer } from './server.ts'
import { Tally, type Counted } from './tally.ts'

const MAX_PENDING = 4_000
const ROUND = 2_000
/** A request goes each of the five ways this often in a round. */
const VISITS = 20
const ADDED_BY_REQUEST = 8
const STARTS_PER_TURN = 64
const OVERLOAD_EVERY = 10
const TOO_MANY = 40
const ENDLESS = 50

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Drives a runner round by round: asks for tasks of all kinds, keeps the books of what must come of them. */
export class Soak {
  readonly tally = new Tally()
  /** What was seen and must not be. */
  readonly faults: string[] = []
  readonly #tasks: Tasks
  readonly #mix: readonly Kind[] = mix()
  readonly #seen = { stuck: 0, late: 0, unexpected: 0 }
  #server!: SoakServer
  #pieces = 0
  #rounds = 0

  private constructor(logger: Logger) {
    this.#tasks = createTasks({
      logger,
      register: [quick, parked, swallowed, endless],
      limits: { maxPending: MAX_PENDING, graceMs: 20, blockWarnMs: Infinity },
      hooks: { onError: () => undefined, onDead: async () => turn() },
    })
    this.#tasks.use(async (task, next) => {
      try {
        await next()
      } catch (error) {
        if (task.name !== swallowed.name) throw error
      }
    })
    this.#tasks.observe({
      name: 'soak',
      event: (event) => {
        if (event.type === 'stuck') {
          this.#seen.stuck++
          deaf.letGo(event.record.id)
        } else if (event.type === 'late_completion') this.#seen.late++
        else if (event.type === 'failure_of_our_own' || event.type === 'stray_error')
          this.#fault(`${event.type}: ${event.error.message}`)
      },
    })
  }

  static async start(logger: Logger): Promise<Soak> {
    const soak = new Soak(logger)
    soak.#server = await startServer(soak.#tasks, soak.tally)
    return soak
  }

  async until(submitted: number, progress: (submitted: number) => void): Promise<void> {
    while (this.tally.submitted < submitted) {
      if (this.#rounds++ % OVERLOAD_EVERY === 0) await this.#overload()
      await this.#round(Math.min(ROUND, submitted - this.tally.submitted))
      progress(this.tally.submitted)
    }
  }

  /** Nothing in flight, and nothing that was let go still at it. */
  async idle(): Promise<void> {
    await this.#tasks.idle()
    while (this.#seen.late < this.#seen.stuck) await turn()
  }

  inFlight(): number {
    return Object.values(this.#tasks.stats().inFlight).reduce((sum, one) => sum + one, 0)
  }

  /** Gives up what never ends, and reads what was exported: the counters as a metrics backend gets them. */
  async close(sdk: BenchSdk): Promise<Counted> {
    for (let n = 0; n < ENDLESS; n++) this.#tasks.add(endless)
    this.tally.ends('interrupted', ENDLESS)
    await this.#server.close()
    await this.#tasks.close({ deadlineMs: 1_000 })
    await sdk.flush()
    const [results, outcomes, all] = await Promise.all(
      ['afterglow.submission.result', 'afterglow.task.outcome', ''].map((by) => sdk.collect(by)),
    )
    const submissions = (result: string) => results?.get(`afterglow.task.submissions ${result}`) ?? NaN
    const settled = (outcome: string) => outcomes?.get(`afterglow.task.settled ${outcome}`) ?? NaN
    const total = (name: string) => all?.get(name) ?? NaN
    return {
      accepted: submissions('accepted'),
      rejected: submissions('rejected'),
      duplicate: submissions('duplicate'),
      completed: settled('completed'),
      failed: settled('failed'),
      timed_out: settled('timed_out'),
      discarded: settled('discarded'),
      cancelled: settled('cancelled'),
      skipped: settled('skipped'),
      dropped: settled('dropped'),
      interrupted: settled('interrupted'),
      handed_over: settled('handed_over'),
      retries: total('afterglow.task.retries'),
      'handled errors': total('afterglow.task.handled_errors'),
      stuck: this.#seen.stuck,
      'late completions': this.#seen.late,
      spans: sdk.spans(),
    }
  }

  async #round(size: number): Promise<void> {
    const end = this.tally.submitted + size
    this.#tasks.pause(parked.name)
    const visits = Array.from({ length: VISITS }, () => this.#server.visit((add) => this.#add(add, ADDED_BY_REQUEST)))
    while (this.tally.submitted < end) {
      this.#add(this.#tasks.add, STARTS_PER_TURN)
      await turn()
    }
    await Promise.all(visits)
    this.#tasks.resume(parked.name)
    await this.idle()
  }

  #add(add: Add, pieces: number): void {
    for (let n = 0; n < pieces; n++)
      this.#mix[this.#pieces % this.#mix.length]?.add({ add, tally: this.tally, n: this.#pieces++ })
  }

  /** Exactly full: each further add is refused, and a guarded route answers before its handler. */
  async #overload(): Promise<void> {
    const { add, pause, resume } = this.#tasks
    await this.#tasks.idle()
    await this.#expectGuard(200)
    pause(parked.name)
    for (let n = 0; n < MAX_PENDING; n++) add(parked, n)
    this.tally.ends('completed', MAX_PENDING)
    for (let n = 0; n < TOO_MANY; n++) {
      const dropped = add(quick, n, { override: { onOverload: 'drop' } })
      if ((await dropped.accepted).accepted) this.#fault('an add beyond the limit was taken')
      this.#expectThrow(() => add(quick, n))
    }
    this.tally.refused('rejected', 2 * TOO_MANY)
    await this.#expectGuard(503)
    resume(parked.name)
    await this.#tasks.idle()
  }

  #expectThrow(run: () => unknown): void {
    try {
      run()
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_AFTERGLOW_OVERLOADED') throw error
      return
    }
    this.#fault('an add beyond the limit was taken')
  }

  async #expectGuard(status: number): Promise<void> {
    const answered = await this.#server.guarded()
    if (answered !== status) this.#fault(`the guarded route answered ${answered}, not ${status}`)
  }

  #fault(fault: string): void {
    if (++this.#seen.unexpected <= 10) this.faults.push(fault)
  }
}

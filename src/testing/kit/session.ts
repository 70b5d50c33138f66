import { inspect } from 'node:util'
import { InvalidOptionError } from '../../core/errors.ts'
import type { RequestFacts } from '../../core/task.ts'
import { STAND_IN, type Replaceable, type StandIn, type StandingIn } from '../../create-tasks/stand-in.ts'
import { Capture } from '../captured/captured.ts'
import type { ManualClock } from '../manual-clock.ts'
import type { AddedTask, Seen, TaskQuery } from './added-task.ts'
import { TestingError } from './errors.ts'
import type { AnyTasks, TakeOverOptions, TestKit } from './kit.ts'
import { kitClock, type KitClock } from './kit-clock.ts'
import { Line } from './line.ts'
import { leftBehind } from './left-behind.ts'
import { pick, pickOne } from './pick.ts'
import { Recorder, type StrayError } from './recorder.ts'
import { Requests, type AnyResponse } from './requests.ts'
import { isRestless, whereIs } from './rest.ts'
import { Waiting } from './waiting.ts'

export const SESSION = Symbol.for('koa-afterglow.testing.session')

const MODES = ['inline', 'manual', 'off']
const PATIENCE_MS = 4_000
/** A drain that ran so many tasks will not come to an end. */
const MAX_DRAINED = 1_000

/** One application's tasks in the hands of one test. */
export class Session implements TestKit {
  readonly mode: NonNullable<TakeOverOptions['mode']>
  readonly telemetry: Capture
  readonly #clock: KitClock
  readonly #waiting: Waiting
  readonly #recorder: Recorder
  readonly #line: Line
  readonly #requests = new Requests()
  readonly #standing: StandingIn
  readonly #onEnd: () => void
  #ended: Promise<void> | undefined

  /** @throws InvalidOptionError */
  constructor(
    tasks: AnyTasks,
    { mode = 'inline', clock, patienceMs = PATIENCE_MS }: TakeOverOptions,
    onEnd: () => void,
  ) {
    const door = (tasks as Partial<Replaceable> | null | undefined)?.[STAND_IN]
    if (!door)
      throw new InvalidOptionError(`takeOver(): expected what createTasks() gave, got ${inspect(tasks, { depth: 0 })}`)
    if (!MODES.includes(mode))
      throw new InvalidOptionError(`takeOver({ mode }): expected 'inline', 'manual' or 'off', got ${inspect(mode)}`)
    this.mode = mode
    this.#clock = kitClock(clock)
    this.#waiting = new Waiting(patienceMs)
    this.#recorder = new Recorder(this.#requests, this.#waiting.changed)
    this.#line = new Line(this.#clock.core, mode === 'inline', this.#waiting.changed)
    this.telemetry = new Capture(this.#recorder.seen, this.#requests)
    this.#onEnd = onEnd
    this.#standing = door(this.#standIn())
  }

  get clock(): ManualClock {
    return this.#clock.hand
  }
  get added(): readonly Seen[] {
    return this.#recorder.seen
  }
  /** Itself, also behind what `takeOverEach` gives. */
  get [SESSION](): this {
    return this
  }
  get strayErrors(): readonly StrayError[] {
    return this.#recorder.strays
  }

  tasks(query: TaskQuery): readonly AddedTask[] {
    return pick(this.#recorder.seen, query)
  }

  task(query: TaskQuery): AddedTask {
    return pickOne(this.#recorder.seen, query)
  }

  requestOf(response: AnyResponse): RequestFacts {
    return this.#requests.of(response)
  }

  findRequest(response: AnyResponse): RequestFacts | undefined {
    return this.#requests.find(response)
  }

  async tasksOf(response: AnyResponse): Promise<readonly AddedTask[]> {
    const request = this.#requests.of(response)
    const own = () => this.#recorder.seen.filter((one) => one.request === request)
    await this.#atRest('kit.tasksOf()', own)
    return own()
  }

  async idle(): Promise<void> {
    await this.#atRest('kit.idle()', () => this.#recorder.seen)
  }

  async runNext(query?: TaskQuery): Promise<AddedTask | undefined> {
    if (this.mode !== 'manual') throw new TestingError(`kit.runNext() is for mode 'manual', and this is '${this.mode}'`)
    const fits = (one: unknown) => query === undefined || Boolean(this.#seenOf(one)?.is(query))
    // What is ready starts at once, so that a test may turn the clock while it runs.
    let next = this.#line.next(fits)
    if (!next) {
      const { seen: all } = this.#recorder
      await this.#until('kit.runNext()', () => Boolean(this.#line.next(fits)) || !this.#anyRestless(all), all)
      next = this.#line.next(fits)
    }
    const seen = next && this.#seenOf(next.envelope)
    if (!next || !seen) return undefined
    const before = seen.attempts.length
    this.#line.start(next)
    await this.#until('kit.runNext()', () => seen.attempts.length > before || seen.outcome !== undefined, [seen])
    await this.#standing.idle()
    return seen
  }

  async drain(): Promise<void> {
    if (this.mode === 'off') throw new TestingError("kit.drain(): in mode 'off' nothing runs")
    for (let ran = 0; ;) {
      if (this.mode === 'inline') await this.idle()
      else while (await this.runNext()) if (++ran > MAX_DRAINED) throw endless()
      const due = this.#line.nextDue
      if (due === undefined || this.#clock.real) return this.idle()
      if (++ran > MAX_DRAINED) throw endless()
      await this.clock.advance(due - this.clock.now())
    }
  }

  check(): void {
    const left = leftBehind(this.mode, this.#recorder)
    if (left.length > 0)
      throw new TestingError(`the test leaves behind:\n${left.map((one) => `  - ${one}`).join('\n')}`)
  }

  async end(): Promise<void> {
    if (this.#ended) return this.#ended
    try {
      await this.#atRest('the end of the test', () => this.#recorder.seen).catch(() => undefined)
      this.check()
    } finally {
      await this.#giveBack()
    }
  }

  [Symbol.dispose](): void {
    void this.#giveBack()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  #giveBack(): Promise<void> {
    if (!this.#ended) {
      this.#ended = this.#standing.end()
      this.#onEnd()
    }
    return this.#ended
  }

  #standIn(): StandIn {
    return {
      engineFor: (real) => this.#line.engineFor(real),
      observer: this.#recorder,
      served: this.#requests.served,
      ...this.telemetry.standIn,
    }
  }

  #seenOf(record: unknown): Seen | undefined {
    return this.#recorder.seen.find(({ submission }) => submission === record)
  }

  /** Hooks may add tasks, and tasks have hooks. */
  async #atRest(what: string, those: () => readonly Seen[]): Promise<void> {
    do {
      await this.#until(what, () => !this.#anyRestless(those()), this.#recorder.seen)
      await this.#standing.idle()
    } while (this.#anyRestless(those()))
  }

  #anyRestless(those: readonly Seen[]): boolean {
    const stirring = { clock: this.#clock.core, line: this.#line, real: this.#clock.real }
    return those.some(({ submission, rejected }) => !rejected && isRestless(submission, stirring))
  }

  #until(what: string, holds: () => boolean, those: readonly Seen[]): Promise<void> {
    const why = () => those.filter((one) => this.#anyRestless([one])).map(whereIs)
    return this.#waiting.until(what, holds, why)
  }
}

const endless = () =>
  new TestingError(`kit.drain(): more than ${MAX_DRAINED} tasks ran and there is no end; does a task add itself again?`)

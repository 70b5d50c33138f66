// What the cases of the law are made of: envelopes, a stand-in for core, and engines that are stopped whatever happens.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { DeathNote, Ended, Ending, Engine, EngineEvent, EngineHost, Envelope } from '../../core/engine.ts'
import type { MaybePromise, TaskRecord } from '../../core/task.ts'

/** The engine that is judged. `store` is a name: engines made with the same one, one after the other, share their data. */
export interface EngineSubject {
  make(store: string): Engine
  /** Durable engines: runs `occupy(engine, plan)` in a process of its own and then kills it, with no time to clean up. */
  readonly crash?: (store: string, plan: CrashPlan) => Promise<void>
  /** Durable engines: how long after a crash what ran there starts again, at most. @default 5000 */
  readonly recoveryMs?: number
  /** Durable engines: their store fails everything they ask of it, until the function that this gives is called. */
  readonly cutOff?: (store: string) => Promise<() => Promise<void>>
  /** Durable engines: ends the claim on a running task as if its worker had died. Works also while the store is cut off. */
  readonly loseClaim?: (store: string, id: string) => Promise<void>
}
export interface CrashPlan {
  readonly running: string
  readonly waiting: readonly string[]
}
export const LIMIT_MS = 5_000

export const DELAY_MS = 300
export const FAR_MS = 3_600_000
/** Timers and stores count whole milliseconds. */
export const ROUNDING_MS = 2

export const newId = () => randomBytes(16).toString('hex')
const settings: TaskRecord['settings'] = {
  retry: { attempts: 2, backoff: 'fixed', baseDelayMs: 1, maxDelayMs: 1, jitter: false },
  timeoutMs: 30_000,
  runOn: 'settled',
  relation: 'auto',
  expected: [],
  engine: 'default',
  onOverload: 'throw',
  concurrency: 10,
  maxPending: 1_000,
  rateLimit: { max: 10, perMs: 1_000 },
}

export function envelope(over: Partial<Envelope> = {}, record: Partial<TaskRecord> = {}): Envelope {
  const addedAt = Date.now()
  const fixed = { name: 'task', label: 'task', engine: 'default', depth: 0, late: false, delayMs: 0, ageMs: 0 }
  const carrier = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  const whole = { id: newId(), ...fixed, settings, acceptedAt: addedAt, carrier, ...record }
  return { v: 1, record: whole, input: { email: 'a@b.c' }, attempt: 1, addedAt, ...over }
}

/** As core does before it tells an engine that another attempt follows. */
const nextOf = ({ record, ...rest }: Envelope): Envelope => {
  const attempt = rest.attempt + 1
  return { ...rest, attempt, record: { ...record, carrier: { traceparent: `of attempt ${attempt}` } } }
}

export interface WorkerOptions {
  readonly consume?: boolean
  readonly concurrency?: number
  /** Runs last until `end`. */
  readonly hold?: boolean
  /** @default completes it */
  readonly handler?: (envelope: Envelope) => MaybePromise<Ending>
}
export const completed: Ending = { outcome: 'completed', value: undefined, attempts: 1 }

/** Core, as far as an engine can tell. */
export class Worker implements EngineHost {
  readonly engine: Engine
  readonly consume: boolean
  concurrency: number
  readonly closed = new Set<string>()
  readonly runs: { readonly envelope: Envelope; readonly at: number; readonly lostClaims: number }[] = []
  readonly events: EngineEvent[] = []
  running = 0
  /** How many ran at once at most. */
  most = 0
  stopped = false
  readonly #handler: ((envelope: Envelope) => MaybePromise<Ending>) | undefined
  readonly #ends = new Map<string, (ending: Ending, dead?: DeathNote) => void>()
  #woken = (): void => {}

  constructor(engine: Engine, { consume = true, concurrency = 10, hold, handler }: WorkerOptions) {
    this.engine = engine
    this.consume = consume
    this.concurrency = concurrency
    this.#handler = hold ? undefined : (handler ?? (() => completed))
  }

  room(): number {
    return this.concurrency - this.running
  }

  report(event: EngineEvent): void {
    this.events.push(event)
    this.#woken()
  }

  readonly run = (given: Envelope, ended: Ended, lostClaims = 0): void => {
    this.runs.push({ envelope: given, at: performance.now(), lostClaims })
    this.most = Math.max(this.most, ++this.running)
    const end = (ending: Ending, dead?: DeathNote): void => {
      this.running--
      ended(ending.outcome === 'retried' ? nextOf(given) : given, ending, dead)
      this.#woken()
    }
    const ending = this.#handler?.(given)
    if (!ending) this.#ends.set(given.record.id, end)
    else if (ending instanceof Promise) void ending.then((late) => end(late))
    else end(ending)
    this.#woken()
  }

  end({ record }: Envelope, ending: Ending = completed, dead?: DeathNote): void {
    this.#ends.get(record.id)?.(ending, dead)
  }

  /** Lets `concurrency` run from now on. */
  admit(concurrency: number): void {
    this.concurrency = concurrency
    this.engine.wake()
  }

  /** Looks when something happened here, and now and then besides: a store tells nobody that it changed. */
  async until(what: string, holds: () => MaybePromise<boolean>, limitMs = LIMIT_MS): Promise<void> {
    const end = performance.now() + limitMs
    while (!(await holds())) {
      assert.ok(performance.now() < end, `not within ${limitMs} ms: ${what}`)
      await new Promise<void>((resolve) => {
        this.#woken = resolve
        setTimeout(resolve, 10)
      })
    }
  }

  ran(count: number, limitMs = LIMIT_MS): Promise<void> {
    return this.until(`${count} run`, () => this.runs.length >= count, limitMs)
  }

  /** Of the events so far, each kind once. */
  get told(): readonly string[] {
    return [...new Set(this.events.map((event) => event.type))].toSorted()
  }

  get ids(): readonly string[] {
    return this.runs.map((run) => run.envelope.record.id)
  }

  async counts(): Promise<readonly number[]> {
    const { ready, delayed, running } = await this.engine.stats()
    return [ready, delayed, running]
  }

  async stop(deadlineMs = LIMIT_MS): Promise<readonly string[]> {
    this.stopped = true
    return idsOf(...(await this.engine.stop({ deadlineMs })))
  }
}

export const idsOf = (...envelopes: readonly Envelope[]): readonly string[] => envelopes.map((one) => one.record.id)
export const same = (got: readonly string[], expected: readonly string[], what = 'which'): void =>
  assert.deepEqual(got.toSorted(), expected.toSorted(), what)

export class Bench {
  readonly subject: EngineSubject
  readonly store = newId()
  readonly #workers: Worker[] = []

  constructor(subject: EngineSubject) {
    this.subject = subject
  }

  async open(options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(this.subject.make(this.store), options)
    await worker.engine.start(worker)
    this.#workers.push(worker)
    return worker
  }

  /** Neither this engine nor the next one on the same store has anything that could still run. */
  async nothingIsLeft(worker: Worker): Promise<void> {
    const empty = async (one: Worker) => (await one.counts()).every((count) => count === 0)
    await worker.until('nothing is left', () => empty(worker))
    assert.deepEqual(await worker.stop(), [])
    assert.deepEqual(worker.events, [])
    const next = await this.open({ concurrency: 0 })
    assert.deepEqual(await next.counts(), [0, 0, 0])
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) if (!worker.stopped) await worker.stop(0)
  }
}

export type Check = (bench: Bench) => Promise<void>

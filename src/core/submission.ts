import type { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import type { Clock } from './clock.ts'
import type { Envelope } from './engine.ts'
import type { HolderOf } from './holder.ts'
import type { Run } from './executor.ts'
import { newId } from './ids.ts'
import type { State } from './ledger.ts'
import type { Linked } from './linked-set.ts'
import type { RegisteredTask } from './registry.ts'
import type { Running } from './running.ts'
import type { SpanIds, TraceOrigin } from './tracing.ts'
import type { AddOptions, Outcome, Priority, RequestFacts, ResolvedSettings, TaskRecord } from './task.ts'

/** What few submissions have, so that those who wait need no room for it. */
const carriers = new WeakMap<Submission, Record<string, string>>()
const hooks = new WeakMap<Submission, number>()

const NO_OPTIONS: AddOptions = Object.freeze({})

/** No request and no task. */
export const outsideOf = (clock: Clock): Origin => ({
  clock,
  request: undefined,
  holder: undefined,
  depth: 0,
  late: false,
  judged: false,
  served: false,
})

interface CausingRequest extends RequestFacts {
  readonly holder: Holder | undefined
  /** Until the first of the tasks that waited for its response starts. By the engine's clock. */
  settledAt: number | undefined
  /** It came out of a store: its response may have ended elsewhere, which nobody learns here. */
  readonly stored?: boolean | undefined
}

/** Where an `add()` came from. */
export interface Origin {
  readonly clock: Clock
  readonly request: CausingRequest | undefined
  /** The request that added it, as long as it is not over. */
  readonly holder: Holder | undefined
  readonly depth: number
  readonly late: boolean
  /** Whether `runOn` looks at that request's response: not for a loop that merely inherited its async context. */
  readonly judged: boolean
  /** Whether what adds is still served: a request that is not over, a task that has not ended. A drain takes from these alone. */
  readonly served: boolean
}

interface Beginning {
  readonly task: RegisteredTask
  readonly name: string
  readonly origin: Origin
  readonly engine: string
  readonly settings: ResolvedSettings
  /** By the engine's clock. */
  readonly now: number
  readonly options: AddOptions | undefined
  /** @default made when it is first read */
  readonly id?: string
}

export type Holder = HolderOf<Submission>

/**
 * One `add()`, from acceptance to its outcome: the record that observers see, the envelope that the engine holds, and what
 * core needs in between. One object, since there may be ten thousand of them waiting; printing it shows the record alone.
 */
export class Submission implements TaskRecord, Envelope, Linked<Submission> {
  readonly task: RegisteredTask
  readonly name: string
  readonly engine: string
  readonly settings: ResolvedSettings
  readonly origin: Origin
  /** When it was added, by the engine's clock. */
  readonly enteredAt: number
  options: AddOptions
  input: unknown
  run: Run | undefined
  state: State = 'queued'
  attempts = 0
  /** By the engine's clock: since when nothing but a free slot was missing. Undefined while it is held, when a number costs room. */
  readyAt: number | undefined
  outcome: Outcome | undefined
  /** When its last attempt ended, by the engine's clock. */
  endedAt: number | undefined
  /** The one that runs now. */
  current: Running | undefined
  /** The async context of the `add()`, less the request's own stores. */
  resource: AsyncResource | undefined
  /** Requests whose responses it still waits for. */
  gates = 0
  /** Of several that asked for it by its key, one is known to want it run, whatever became of the others' responses. */
  wanted = false
  /** Dependencies that have not ended. */
  waitsFor = 0
  dependencies: readonly Submission[] | undefined
  dependents: Submission[] | undefined
  span: SpanIds | undefined
  traceOrigin: TraceOrigin | undefined
  older: Submission | undefined
  newer: Submission | undefined
  #id: string | undefined
  #settled: PromiseWithResolvers<Outcome> | undefined

  constructor({ task, name, origin, engine, settings, now, options, id }: Beginning) {
    this.task = task
    this.name = name
    this.engine = engine
    this.origin = origin
    this.settings = settings
    this.enteredAt = now
    this.options = options ?? NO_OPTIONS
    this.#id = id
  }

  /** Made when first read: without telemetry most tasks are never asked for it. */
  get id(): string {
    return (this.#id ??= newId())
  }
  get durable(): boolean {
    return false
  }
  get lostClaims(): number {
    return 0
  }
  get v(): 1 {
    return 1
  }
  get record(): TaskRecord {
    return this
  }
  get depth(): number {
    return this.origin.depth
  }
  get late(): boolean {
    return this.origin.late
  }
  get request(): RequestFacts | undefined {
    return this.origin.request
  }
  /** Number of the next attempt, or of the one that runs. */
  get attempt(): number {
    return this.attempts + 1
  }
  get acceptedAt(): number {
    return this.origin.clock.origin + this.enteredAt
  }
  get addedAt(): number {
    return this.acceptedAt
  }
  get startAt(): number | undefined {
    return this.options.delayMs ? this.acceptedAt + this.options.delayMs : undefined
  }
  get expiresAt(): number | undefined {
    return this.options.expiresMs === undefined ? undefined : this.acceptedAt + this.options.expiresMs
  }
  get priority(): Priority | undefined {
    return this.options.priority
  }
  get ageMs(): number {
    return this.origin.clock.now() - this.enteredAt
  }
  /** By the engine's clock; 0 for at once. */
  get notBefore(): number {
    return this.options.delayMs ? this.enteredAt + this.options.delayMs : 0
  }

  get label(): string {
    return this.task.label
  }
  get after(): readonly Submission[] | undefined {
    return this.dependencies
  }
  get definedAt(): { readonly stack?: string } | undefined {
    return this.task.definedAt
  }

  get delayMs(): number {
    return this.options.delayMs ?? 0
  }

  /** Hooks that run because of it: until they end it may add tasks, as if it had not ended. */
  get hooks(): number {
    return hooks.get(this) ?? 0
  }
  set hooks(running: number) {
    if (running > 0) hooks.set(this, running)
    else hooks.delete(this)
  }

  get carrier(): Record<string, string> {
    let carrier = carriers.get(this)
    if (!carrier) carriers.set(this, (carrier = {}))
    return carrier
  }

  get settled(): Promise<Outcome> {
    if (this.outcome) return Promise.resolve(this.outcome)
    this.#settled ??= Promise.withResolvers<Outcome>()
    return this.#settled.promise
  }

  /** Ends it, once; a retained handle then holds neither the input nor the context of the request. */
  end(outcome: Outcome): void {
    this.outcome = outcome
    this.input = undefined
    this.run = undefined
    this.resource = undefined
    this.current = undefined
    this.dependencies = undefined
    this.dependents = undefined
    this.options = NO_OPTIONS
    this.#settled?.resolve(outcome)
  }

  toJSON(): object {
    const { id, name, engine, depth, late, request, acceptedAt } = this
    return { id, name, engine, depth, late, request, acceptedAt }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }
}

/** One that a durable engine holds. Told by its class, since no room is left for it in each of those that wait. */
export class DurableSubmission extends Submission {
  #lostClaims = 0

  override get durable(): boolean {
    return true
  }
  override get lostClaims(): number {
    return this.#lostClaims
  }
  override set lostClaims(lost: number) {
    this.#lostClaims = lost
  }
}

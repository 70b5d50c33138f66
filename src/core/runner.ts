import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { systemClock, type Clock } from './clock.ts'
import { Composition } from './composition.ts'
import type { Engine } from './engine.ts'
import { Engines } from './engines.ts'
import type { Executor } from './executor.ts'
import { toError, TasksClosedError, TasksOverloadedError } from './errors.ts'
import { Flow } from './flow.ts'
import type { FlowParts } from './flow-parts.ts'
import { Holding } from './holding.ts'
import type { Counts } from './ledger.ts'
import type { GateFacts, SubmissionResult } from './observer.ts'
import { Observers } from './observers.ts'
import type { Limits } from './options.ts'
import { openerOf } from './refuse-services.ts'
import { Registry } from './registry.ts'
import type { RequestEdge } from './request-edge.ts'
import { RequestScope, type GateKeeper } from './request-scope.ts'
import type { ServedRequest } from './served-request.ts'
import { watchForItself } from './self-wait.ts'
import { submitTask, type SubmitHost } from './submit-task.ts'
import { outsideOf, Submission, type Origin } from './submission.ts'
import type { Acceptance, RequestFacts, ResolvedSettings, TaskHandle, TaskRecord } from './task.ts'

/** What the composition root decides. */
export interface RunnerParts extends Pick<FlowParts, 'engines' | 'logOf' | 'describe'> {
  readonly openServices: Parameters<typeof openerOf>[0]
  readonly defaults: ResolvedSettings
  readonly limits: Required<Limits>
  /** What may be said of an error where no observer can say it. */
  readonly said?: (error: Error) => string
  readonly threads: Executor
  /** Runs `make` with the stores of the request (Koa's, OpenTelemetry's) blanked, so that what it makes retains no request. */
  blanked<R>(make: () => R): R
}

/** What an async context belongs to: a request being served, or a task that runs. */
type Store = ServedRequest | Submission

/** The user's async context of the add, without the request's own stores in it. */
const makeResource = () => new AsyncResource('AfterglowTask')

/** One runner: where tasks come from, what they belong to, and whether they are taken. What then happens is `flow`'s. */
export class Runner implements SubmitHost, GateKeeper {
  readonly clock: Clock
  readonly limits: Required<Limits>
  readonly registry: Registry
  readonly composition = new Composition()
  readonly flow: Flow
  /** Set by the drain: while it drains, only what is still served may add; once it closed, nobody. */
  phase: 'open' | 'draining' | 'closed' = 'open'
  /** Whether it runs tasks of durable engines. */
  consumes = true
  /** Whether new requests are wanted; a shutdown says first that they are not. */
  ready = true
  readonly #parts: RunnerParts
  readonly #engines: Engines
  readonly #holding: Holding
  readonly #outside: Origin
  readonly #store: AsyncLocalStorage<Store> = new AsyncLocalStorage()

  constructor(parts: RunnerParts) {
    const { engines, limits, defaults } = parts
    this.#parts = parts
    this.limits = limits
    this.clock = engines.get('default')?.clock ?? systemClock
    this.#engines = new Engines(engines, this)
    this.registry = new Registry(defaults, parts.threads, this.#engines)
    this.#holding = new Holding(this.clock, limits.maxHoldMs, (scope, heldMs) => this.#heldTooLong(scope, heldMs))
    this.#outside = outsideOf(this.clock)
    const addFrom = (parent: Submission, args: readonly unknown[]) => this.addFrom(parent, args)
    const openServices = openerOf(parts.openServices)
    this.flow = new Flow({ ...parts, registry: this.registry, clock: this.clock, openServices, addFrom })
  }

  get observers(): Observers {
    return this.flow.observers
  }
  get inFlight(): number {
    return this.flow.live.total
  }
  get counts(): readonly Counts[] {
    return [...this.registry.tasks.values()].map((task) => task.counts)
  }
  get engines(): readonly Engine[] {
    return [...new Set(this.#parts.engines.values())]
  }

  /** Closes composition and starts the engines, once. False if that was done before. */
  start(consume = true): boolean {
    if (!this.composition.close()) return false
    this.consumes = consume
    const { observers, middleware } = this.composition
    this.flow.start(new Observers(observers, this.#parts.said), { middleware, store: this.#store, consume })
    return true
  }

  /** Nothing runs any more. Before Node 24 every store that was ever used costs each promise of the process a little. */
  closed(): void {
    this.flow.lanes.close()
    this.#store.disable()
  }

  // ---- where an add comes from

  /** The request's own scope, kept in its async context while `serve` runs. */
  serve<R>(edge: RequestEdge, serve: (scope: RequestScope) => R): R {
    this.start()
    const scope = new RequestScope(this, edge)
    return this.#store.run(scope.facts, serve, scope)
  }

  /** `tasks.add`: joins the request or the task in whose async context it is called. */
  add(args: readonly unknown[]): TaskHandle {
    const store = this.#store.getStore()
    if (store instanceof Submission) return this.addFrom(store, args)
    if (store) return submitTask(this, store.holder?.over === false ? store : this.#late(store, false), args)
    this.start()
    return submitTask(this, this.#outside, args)
  }

  /** `ctx.tasks.add`; within a task of that request it is the task that adds. */
  addTo(scope: RequestScope, args: readonly unknown[]): TaskHandle {
    const store = this.#store.getStore()
    if (store instanceof Submission && store.request === scope.facts) return this.addFrom(store, args)
    return submitTask(this, scope.over ? this.#late(scope.facts, true) : scope.facts, args)
  }

  /** For a request that is over: by its own `ctx.tasks`, or from its async context, such as a loop its handler started. */
  #late(request: ServedRequest, judged: boolean): Origin {
    return { ...this.#outside, request, late: true, judged }
  }

  addFrom(parent: Submission, args: readonly unknown[]): TaskHandle {
    const { request, late, judged } = parent.origin
    const served = parent.outcome === undefined || parent.hooks > 0
    const origin = { ...this.#outside, request, late, judged, served, depth: parent.depth + 1 }
    return submitTask(this, origin, args)
  }

  /** Runs what follows from a task, such as a hook, as that task. */
  asTask<R>(task: Submission, run: () => R): R {
    return this.#store.run(task, run)
  }

  /** The task whose async context this is, and whether it runs or ended not longer ago than `withinMs`. */
  claim(withinMs: number): { record: Submission; fresh: boolean } | undefined {
    const store = this.#store.getStore()
    if (!(store instanceof Submission)) return undefined
    return { record: store, fresh: !store.outcome || this.clock.now() - (store.endedAt ?? 0) <= withinMs }
  }

  // ---- what submitting asks

  takes({ served }: Origin, dependencies: readonly Submission[]): boolean {
    if (this.phase !== 'draining') return this.phase === 'open'
    return served || dependencies.some(({ outcome }) => !outcome)
  }

  /** Why a route that will add a task should not begin: the runner closes, or is full to this part of its limit. */
  refusal(part: number): Error | undefined {
    if (this.phase === 'closed') return new TasksClosedError('the service is shutting down')
    if (this.inFlight < this.limits.maxPending * part) return undefined
    return new TasksOverloadedError(`${this.inFlight} tasks are waiting or running`)
  }

  engineOf(key: string, task: string): Engine {
    return this.#engines.of(key, task)
  }

  count(submission: Submission, result: SubmissionResult, error?: Error): void {
    submission.task.counts.submissions[result]++
    this.observers.submitted(submission, result, error)
  }

  pendingLike(submission: Submission): Submission | undefined {
    return this.flow.keys.find(submission)
  }

  fold(submission: Submission, pending: Submission): void {
    this.count(pending, 'duplicate')
    this.flow.fold(submission, pending)
  }

  accept(submission: Submission, dependencies: readonly Submission[]): void {
    submission.resource = this.#parts.blanked(makeResource)
    this.flow.live.add(submission)
    if (dependencies.length > 0) submission.dependencies = dependencies
    this.count(submission, 'accepted')
    this.flow.enter(submission, dependencies)
  }

  keep(submission: Submission): void {
    this.flow.handOver.keep(submission)
  }

  readonly store: GateKeeper['store'] = (batch) => this.flow.handOver.store(batch)

  readonly acceptance = (submission: Submission): Promise<Acceptance> => {
    if (submission.settings.runOn !== 'settled') this.awaited(submission)
    return this.flow.handOver.acceptance(submission)
  }

  readonly cancelSubmission = (submission: Submission, why: string): void => this.flow.cancel(submission, why)

  /** Someone reads `settled`. */
  readonly awaited = (submission: Submission): void => {
    if (this.#store.getStore() !== submission.origin) return
    watchForItself(submission, (error) => this.observers.event({ type: 'waits_for_itself', record: submission, error }))
  }

  // ---- what a request's gate tells

  startsHolding(scope: RequestScope): void {
    this.#holding.add(scope)
  }

  stopsHolding(scope: RequestScope): void {
    this.#holding.delete(scope)
  }

  gate(facts: GateFacts): void {
    this.observers.gate(facts)
  }

  letRun(submissions: readonly Submission[], request: RequestFacts): void {
    this.flow.letRun(submissions, request)
  }

  #heldTooLong(scope: RequestScope, heldMs: number): void {
    this.observers.event({ type: 'held_too_long', request: scope.facts, heldMs, tasks: scope.submitted })
    scope.release()
  }

  // ---- what goes wrong

  /** `tasks.middleware()` is not the first `app.use`: what is above cannot add tasks that wait for the response. */
  mountedBelow(above: readonly string[]): void {
    this.start()
    this.observers.event({ type: 'mounted_below', above })
  }

  /** An error surfaced in a task's async context that no promise of ours carried. */
  strayError(thrown: unknown, record: TaskRecord, contained: boolean): void {
    const task = this.registry.get(record.label)
    if (task) task.counts.strayErrors++
    const active = record instanceof Submission ? record.current?.active : undefined
    this.observers.event({ type: 'stray_error', record, active, error: toError(thrown), contained })
  }
}

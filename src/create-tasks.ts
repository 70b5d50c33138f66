import type { Engine } from './core/engine.ts'
import { InvalidOptionError } from './core/errors.ts'
import { sumCounts, type OutcomeName, type State } from './core/ledger.ts'
import { HookObserver, type HookHost, type Hooks } from './core/hooks.ts'
import { inspector } from './core/inspection.ts'
import { DEFAULT_SETTINGS, resolveLimits, resolveSettings, type Limits } from './core/options.ts'
import { Runner } from './core/runner.ts'
import type { SubmissionResult, TaskObserver } from './core/observer.ts'
import type { Add, Logger, Task, TaskMiddleware, TaskRecord, TaskSettings } from './core/task.ts'
import { inProcess } from './engines/in-process.ts'
import { guardMiddleware } from './http/guard.ts'
import { KoaStoreBlanker, taskMiddleware, type Middleware } from './http/task-middleware.ts'
import { drain, type DrainOptions, type DrainReport } from './lifecycle/drain.ts'
import { watchStrayErrors } from './lifecycle/stray-errors.ts'
import { watchExit } from './lifecycle/unfinished.ts'
import { ServiceScopes, type ServiceSource } from './middleware/services.ts'
import { Logs, taskLogger } from './telemetry/logs.ts'
import { Metrics, type MetricsSource } from './telemetry/metrics.ts'
import { blanked } from './telemetry/propagation.ts'
import { resolveTelemetry, type TelemetryOptions } from './telemetry/telemetry-options.ts'
import { threadTelemetry } from './telemetry/threads.ts'
import { Traces } from './telemetry/traces.ts'
import { VERSION } from './telemetry/version.ts'
import { resolveThreads, type ThreadOptions } from './threads/options.ts'
import { Threads } from './threads/pool.ts'

export interface TasksOptions {
  /** pino or anything like it; `false` for none. @default failures and warnings go to `console` */
  readonly logger?: Logger | false
  /** What `task.services` reads from: an awilix container, or anything with `cradle` and `createScope()`. */
  readonly services?: ServiceSource
  /** Tasks known from start: their counters are exported at zero, so that the first failure shows. */
  readonly register?: readonly Task[]
  /** `default` runs what names no other. @default { default: inProcess() } */
  readonly engines?: { readonly default?: Engine; readonly [name: string]: Engine | undefined }
  /** Settings of every task that does not say otherwise. */
  readonly defaults?: TaskSettings
  readonly limits?: Limits
  /** The threads of tasks defined with `thread`; none is started before the first of them runs. */
  readonly threads?: ThreadOptions
  readonly hooks?: Hooks
  /**
   * What becomes of a rejection that escapes a task: contained, so that the process lives, or only reported, so that Node
   * does what it would. Uncaught exceptions are only ever reported. @default 'contain-rejections'
   */
  readonly strayErrors?: 'contain-rejections' | 'report'
  /** What spans and log lines say of failures, and which traces tasks belong to. */
  readonly telemetry?: TelemetryOptions
}

export interface TasksStats {
  readonly submissions: Readonly<Record<SubmissionResult, number>>
  readonly outcomes: Readonly<Record<OutcomeName, number>>
  readonly inFlight: Readonly<Record<State, number>>
}

export interface Tasks extends AsyncDisposable {
  /** Adds a task; inside a request or a task it joins that, wherever in the code it is called. */
  readonly add: Add
  /** Adds work middleware round every attempt, from the outside in. @throws AlreadyStartedError after the first task */
  use(middleware: TaskMiddleware): Tasks
  /** Adds an observer. @throws AlreadyStartedError after the first task */
  observe(observer: TaskObserver): Tasks
  /** Makes tasks known before they are first added. */
  register(...tasks: readonly Task[]): Tasks
  /** The Koa middleware that gives `ctx.tasks`; mount it first. */
  middleware(): Middleware
  /** A route middleware that answers 503 before the handler while the runner is above 80 % of `limits.maxPending`. */
  guard(): Middleware
  /**
   * Starts no more of this task in this process until `resume`; what runs goes on, what is added waits. It keeps no process
   * alive: one that ends with tasks waiting says so in a log line.
   */
  pause(name: string): void
  resume(name: string): void
  /** Cancels by id; true if the task was there and had not ended. */
  cancel(id: string, reason?: string): boolean
  stats(): TasksStats
  /** Resolves once nothing is in flight. */
  idle(): Promise<void>
  /** Drains and closes; every call gives the same promise. */
  close(options?: DrainOptions): Promise<DrainReport>
}

/**
 * Composes a runner: options in, one object out. The order of the observers, and of the work ring round each handler, is
 * what is written here.
 * @throws InvalidOptionError, TaskNameTakenError
 */
export function createTasks(options: TasksOptions = {}): Tasks {
  checkOptions(options)
  const limits = resolveLimits(options.limits)
  const logger = options.logger === false ? undefined : (options.logger ?? CONSOLE)
  const koaStore = new KoaStoreBlanker()
  const failed = (where: string, error: unknown, record?: TaskRecord) => runner.observers.failure(where, error, record)
  const services =
    options.services &&
    new ServiceScopes(options.services, (error, { record }) => failed('disposing services', error, record))
  const telemetry = resolveTelemetry(options.telemetry, failed)
  const contains = options.strayErrors !== 'report'
  const stray: Runner['strayError'] = (...escaped) => runner.strayError(...escaped)
  const threadsHost = { entry: THREAD_ENTRY, contains, telemetry: threadTelemetry, failed, stray }
  const threads = new Threads(resolveThreads(options.threads), threadsHost)
  const runner: Runner = new Runner({
    engines: enginesOf(options),
    threads,
    defaults: resolveSettings(DEFAULT_SETTINGS, options.defaults, 'createTasks({ defaults })'),
    limits,
    logOf: (task) => (logger ? taskLogger(logger, task) : SILENT),
    openServices: services?.open,
    said: (error) => telemetry.failures.messageOf(error),
    blanked: (make) => (koaStore.seen ? koaStore.blanked(() => blanked(make)) : blanked(make)),
  })
  const metrics = new Metrics(numbersOf(runner), VERSION)
  const asTask: HookHost['asTask'] = (task, run) => runner.asTask(task, run)
  const hooks = new HookObserver(options.hooks ?? {}, { clock: runner.clock, asTask, failed })
  const logs = logger ? [new Logs(logger, telemetry.failures)] : []
  const traces = new Traces(VERSION, telemetry)
  const observers: readonly TaskObserver[] = [traces, metrics, ...logs, ...(options.hooks ? [hooks] : [])]
  for (const observer of observers) runner.composition.observe(observer)
  if (services) runner.composition.use(services.middleware)
  for (const task of options.register ?? []) runner.registry.define(task)

  const unwatch = watchProcess(runner, options)
  const last = async () => void (await Promise.all([hooks.idle(), services?.idle(), threads.close()]))
  const end = () => {
    unwatch()
    metrics.close()
  }
  let closed: Promise<DrainReport> | undefined
  const tasks: Tasks = {
    add: (...args: readonly unknown[]) => runner.add(args),
    use: (middleware) => (runner.composition.use(middleware), tasks),
    observe: (observer) => (runner.composition.observe(observer), tasks),
    register: (...more) => (more.forEach((task) => runner.registry.define(task)), tasks),
    middleware: () => middlewareOf(runner, koaStore),
    guard: () => guardMiddleware(runner),
    pause: (name) => pause(runner, name, true),
    resume: (name) => pause(runner, name, false),
    cancel: (id, reason = 'cancelled by id') => cancel(runner, id, reason),
    stats: () => statsOf(runner),
    idle: () => new Promise((resolve) => runner.flow.live.onIdle(resolve)),
    close: (drainOptions = {}) => (closed ??= drain(runner, drainOptions, last).finally(end)),
    [Symbol.asyncDispose]: async () => void (await tasks.close()),
  }
  announce(runner, options, tasks.stats)
  return tasks
}

/** What surfaces in the process and not in a task. The function it gives ends that. */
function watchProcess(runner: Runner, { strayErrors }: TasksOptions): () => void {
  const { live } = runner.flow
  const unwatchStrayErrors = watchStrayErrors({
    contains: strayErrors !== 'report',
    claim: () => runner.claim(runner.limits.containMs),
    report: (thrown, record, contained) => runner.strayError(thrown, record, contained),
  })
  const unwatchExit = watchExit({
    inFlight: () => live.size,
    report: () =>
      runner.observers.event({ type: 'unfinished', records: live.all(), states: live.states(runner.clock.now()) }),
  })
  return () => {
    unwatchStrayErrors()
    unwatchExit()
  }
}

function announce({ registry }: Runner, { strayErrors }: TasksOptions, stats: Tasks['stats']): void {
  const names = () => [...registry.tasks.values()].map(({ name }) => name)
  inspector()?.runner({ version: VERSION, url: import.meta.url, contains: strayErrors !== 'report', names, stats })
}

function middlewareOf(runner: Runner, koaStore: KoaStoreBlanker): Middleware {
  const looks = inspector()
  if (!looks) return taskMiddleware(runner, koaStore.see)
  const made = taskMiddleware(runner, (ctx) => {
    koaStore.see(ctx)
    looks.request()
  })
  looks.middleware(made)
  return made
}

/** Found by its place, so it has the ending that this file has: `.ts` where sources run as they are, `.js` in dist/. */
const THREAD_ENTRY = new URL(`./thread-entry${/\.[jt]s$/.exec(import.meta.url)?.[0] ?? '.js'}`, import.meta.url)

const OPTION_NAMES: Required<{ [K in keyof TasksOptions]: true }> = {
  logger: true,
  services: true,
  register: true,
  engines: true,
  defaults: true,
  limits: true,
  threads: true,
  hooks: true,
  strayErrors: true,
  telemetry: true,
}

function checkOptions(options: TasksOptions): void {
  for (const name of Object.keys(options))
    if (!Object.hasOwn(OPTION_NAMES, name))
      throw new InvalidOptionError(
        `createTasks: there is no option '${name}'; there are ${Object.keys(OPTION_NAMES).join(', ')}`,
      )
}

const numbersOf = ({ registry, engines, limits, flow, clock }: Runner): MetricsSource => ({
  tasks: registry.tasks,
  engines: [...engines].map((engine) => engine.name),
  maxPending: limits.maxPending,
  concurrency: limits.concurrency,
  look: () => flow.live.look(clock.now()),
})

function enginesOf({ engines }: TasksOptions): ReadonlyMap<string, Engine> {
  const all = new Map<string, Engine>([['default', engines?.default ?? inProcess()]])
  for (const [name, engine] of Object.entries(engines ?? {})) if (engine) all.set(name, engine)
  return all
}

function pause(runner: Runner, name: string, paused: boolean): void {
  const task = runner.registry.get(name)
  if (!task) throw new InvalidOptionError(`there is no task '${name}'; register it first`)
  runner.flow.lanes.pause(task, paused)
}

function cancel(runner: Runner, id: string, reason: string): boolean {
  const submission = runner.flow.live.find(id)
  if (submission) runner.flow.cancel(submission, reason)
  return submission !== undefined
}

function statsOf(runner: Runner): TasksStats {
  const { submissions, outcomes } = sumCounts(runner.counts)
  return { submissions, outcomes, inFlight: runner.flow.live.states(runner.clock.now()) }
}

const nothing = () => undefined
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, isLevelEnabled: () => false }

const consoleLine = (fields: object | string, message?: string): readonly unknown[] =>
  typeof fields === 'string' ? [`koa-afterglow: ${fields}`] : [`koa-afterglow: ${message}`, fields]

/* oxlint-disable no-console -- it is the one thing every process has, and only what went wrong goes there */
/** Without a logger nothing is lost silently, and nothing else is said. */
const CONSOLE: Logger = {
  debug: nothing,
  info: nothing,
  warn: (fields, message) => console.warn(...consoleLine(fields, message)),
  error: (fields, message) => console.error(...consoleLine(fields, message)),
  isLevelEnabled: (level) => level === 'warn' || level === 'error',
}

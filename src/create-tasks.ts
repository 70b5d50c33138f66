import type { Engine } from './core/engine.ts'
import { InvalidOptionError } from './core/errors.ts'
import { HookObserver, type HookHost } from './core/hooks.ts'
import { inspector } from './core/inspection.ts'
import { sumCounts } from './core/ledger.ts'
import type { TaskObserver } from './core/observer.ts'
import { DEFAULT_SETTINGS, resolveLimits, resolveSettings } from './core/options.ts'
import { Runner } from './core/runner.ts'
import type { TaskRecord } from './core/task.ts'
import { checkOptions, type Tasks, type TasksOptions, type TasksStats } from './create-tasks/api.ts'
import { CONSOLE, SILENT } from './create-tasks/fallback-loggers.ts'
import { inProcess } from './engines/in-process.ts'
import { guardMiddleware } from './http/guard.ts'
import { probes } from './http/probes.ts'
import { KoaStoreBlanker, taskMiddleware, type Middleware } from './http/task-middleware.ts'
import { drain, refuseDrain, type DrainOptions, type DrainReport } from './lifecycle/drain.ts'
import { watchStrayErrors } from './lifecycle/stray-errors.ts'
import { watchExit } from './lifecycle/unfinished.ts'
import { ServiceScopes } from './middleware/services.ts'
import { Logs, taskLogger } from './telemetry/logs.ts'
import { Metrics, type MetricsSource } from './telemetry/metrics.ts'
import { blanked } from './telemetry/propagation.ts'
import { resolveTelemetry } from './telemetry/telemetry-options.ts'
import { threadTelemetry } from './telemetry/threads.ts'
import { Traces } from './telemetry/traces.ts'
import { VERSION } from './telemetry/version.ts'
import { resolveThreads } from './threads/options.ts'
import { Threads } from './threads/pool.ts'

export type { Tasks, TasksOptions, TasksStats }

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
  const idle = async () => void (await Promise.all([hooks.idle(), services?.idle()]))
  const around = { idle, close: () => threads.close() }
  const end = () => {
    unwatch()
    metrics.close()
  }
  const tasks = tasksOf(runner, koaStore, (drainOptions) => drain(runner, drainOptions, around).finally(end))
  announce(runner, options, tasks.stats)
  return tasks
}

function tasksOf(
  runner: Runner,
  koaStore: KoaStoreBlanker,
  close: (options: DrainOptions) => Promise<DrainReport>,
): Tasks {
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
    probes: (probeOptions) => probes(runner, probeOptions),
    get ready() {
      return runner.ready
    },
    unready: () => void (runner.ready = false),
    close(drainOptions = {}) {
      const refused = closed ? undefined : refuseDrain(drainOptions)
      if (refused) return Promise.reject(refused)
      return (closed ??= close(drainOptions))
    },
    [Symbol.asyncDispose]: async () => void (await tasks.close()),
  }
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

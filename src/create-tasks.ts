import type { Engine } from './core/engine.ts'
import { HookObserver, type HookHost } from './core/hooks.ts'
import { inspector } from './core/inspection.ts'
import type { TaskObserver } from './core/observer.ts'
import { DEFAULT_SETTINGS, resolveLimits, resolveSettings } from './core/options.ts'
import { Runner } from './core/runner.ts'
import type { TaskContext, TaskRecord } from './core/task.ts'
import { checkOptions, type StartOptions, type Tasks, type TasksOptions, type TasksStats } from './create-tasks/api.ts'
import { composed, type Composed } from './create-tasks/composed.ts'
import { tasksOf } from './create-tasks/facade.ts'
import { CONSOLE, SILENT } from './create-tasks/fallback-loggers.ts'
import { Stage } from './create-tasks/stage.ts'
import type { StandIn } from './create-tasks/stand-in.ts'
import { inProcess } from './engines/in-process.ts'
import { KoaStoreBlanker, taskMiddleware, type Middleware } from './http/task-middleware.ts'
import { watchStrayErrors } from './lifecycle/stray-errors.ts'
import { watchExit } from './lifecycle/unfinished.ts'
import { ServiceScopes } from './middleware/services.ts'
import type { Failures } from './telemetry/failures.ts'
import { Logs, taskLogger } from './telemetry/logs.ts'
import { Metrics, Share, type MetricsSource } from './telemetry/metrics.ts'
import { blanked } from './telemetry/propagation.ts'
import { resolveTelemetry } from './telemetry/telemetry-options.ts'
import { threadTelemetry } from './telemetry/threads.ts'
import { Traces } from './telemetry/traces.ts'
import { VERSION } from './telemetry/version.ts'
import { resolveThreads } from './threads/options.ts'
import { Threads } from './threads/pool.ts'

export type { StartOptions, Tasks, TasksOptions, TasksStats }

/**
 * Composes a runner: options in, one object out. The order of the observers, and of the work ring round each handler, is
 * what is written here.
 * @throws InvalidOptionError, TaskNameTakenError
 */
export function createTasks(options: TasksOptions = {}): Tasks {
  checkOptions(options)
  const koaStore = new KoaStoreBlanker()
  const stage = new Stage((standIn) => compose(options, koaStore, standIn))
  const tasks = tasksOf(stage, () => middlewareOf(stage, koaStore))
  announce(stage.runner, options, tasks.stats)
  return tasks
}

/** With `standIn`, what a test puts in its place: the same but for the engines, and looked at. */
function compose(options: TasksOptions, koaStore: KoaStoreBlanker, standIn?: StandIn): Composed {
  const limits = resolveLimits(options.limits)
  const logger = options.logger === false ? undefined : (options.logger ?? CONSOLE)
  const failed = (where: string, error: unknown, record?: TaskRecord) => runner.observers.failure(where, error, record)
  const services =
    options.services &&
    new ServiceScopes(options.services, (error, { record }) => failed('disposing services', error, record))
  const telemetry = resolveTelemetry(options.telemetry, failed)
  const contains = options.strayErrors !== 'report'
  const stray: Runner['strayError'] = (...escaped) => runner.strayError(...escaped)
  const threadsHost = { entry: THREAD_ENTRY, contains, telemetry: threadTelemetry, failed, stray }
  const threads = new Threads(resolveThreads(options.threads), threadsHost)
  const logOf = (task: TaskContext) => (logger ? taskLogger(logger, task) : SILENT)
  const runner: Runner = new Runner({
    engines: enginesOf(options, standIn),
    threads,
    defaults: resolveSettings(DEFAULT_SETTINGS, options.defaults, 'createTasks({ defaults })'),
    limits,
    logOf: standIn ? (task) => standIn.watchLog(logOf(task), task) : logOf,
    openServices: services?.open,
    said: (error) => telemetry.failures.messageOf(error),
    describe: (outcome) => telemetry.failures.describe(outcome),
    blanked: (make) => (koaStore.seen ? koaStore.blanked(() => blanked(make)) : blanked(make)),
  })
  const metrics = new Metrics(numbersOf(runner), VERSION)
  const asTask: HookHost['asTask'] = (task, run) => runner.asTask(task, run)
  const hooks = new HookObserver(options.hooks ?? {}, { clock: runner.clock, asTask, failed })
  const logs = logger ? [new Logs(logger, telemetry.failures)] : []
  const traces = new Traces(VERSION, { ...telemetry, watch: standIn?.watchTracer, queues: queuesOf(runner) })
  const looksOn = standIn ? looksOnFor(standIn, runner, telemetry.failures) : []
  const observers: readonly TaskObserver[] = [traces, metrics, ...logs, ...looksOn, ...(options.hooks ? [hooks] : [])]
  for (const observer of observers) runner.composition.observe(observer)
  if (services) runner.composition.use(services.middleware)
  for (const task of options.register ?? []) runner.registry.define(task)

  const unwatch = watchProcess(runner, options)
  const idle = async () => void (await Promise.all([hooks.idle(), services?.idle()]))
  const close = () => threads.close()
  const end = () => {
    unwatch()
    metrics.close()
  }
  return composed(runner, { idle, close, end, served: standIn?.served })
}

/** A test's own telemetry, of this runner alone. */
const looksOnFor = (standIn: StandIn, runner: Runner, failures: Failures): readonly TaskObserver[] => [
  standIn.observer,
  new Metrics(numbersOf(runner), VERSION, new Share(VERSION, standIn.meters)),
  new Logs(standIn.logger, failures),
]

/** What surfaces in the process and not in a task. The function it gives ends that. */
function watchProcess(runner: Runner, { strayErrors }: TasksOptions): () => void {
  const { live } = runner.flow
  const unwatchStrayErrors = watchStrayErrors({
    contains: strayErrors !== 'report',
    claim: () => runner.claim(runner.limits.containMs),
    report: (thrown, record, contained) => runner.strayError(thrown, record, contained),
  })
  const unwatchExit = watchExit({
    inFlight: () => live.total,
    report: () =>
      runner.observers.event({
        type: 'unfinished',
        records: [...live.all(), ...live.unstored],
        states: live.states(runner.clock.now()),
      }),
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

function middlewareOf(stage: Stage, koaStore: KoaStoreBlanker): Middleware {
  const looks = inspector()
  const made = taskMiddleware({
    get runner() {
      return stage.runner
    },
    served: (ctx, facts) => {
      koaStore.see(ctx)
      stage.served(ctx, facts)
      looks?.request()
    },
  })
  looks?.middleware(made)
  return made
}

/** Found by its place, so it has the ending that this file has: `.ts` where sources run as they are, `.js` in dist/. */
const THREAD_ENTRY = new URL(`./thread-entry${/\.[jt]s$/.exec(import.meta.url)?.[0] ?? '.js'}`, import.meta.url)

const queuesOf = ({ engines }: Runner): ReadonlyMap<string, string> =>
  new Map(engines.map(({ name, queue = name }) => [name, queue]))

const numbersOf = ({ registry, engines, limits, flow, clock }: Runner): MetricsSource => ({
  tasks: registry.tasks,
  engines: engines.filter((engine) => !engine.capabilities.durable).map((engine) => engine.name),
  stores: engines.filter((engine) => engine.capabilities.durable),
  maxPending: limits.maxPending,
  concurrency: limits.concurrency,
  look: () => flow.live.look(clock.now()),
})

function enginesOf({ engines }: TasksOptions, standIn: StandIn | undefined): ReadonlyMap<string, Engine> {
  const all = new Map<string, Engine>([['default', engines?.default ?? inProcess()]])
  for (const [name, engine] of Object.entries(engines ?? {})) if (engine) all.set(name, engine)
  // Functions cannot be stored: they always have somewhere to run.
  if ([...all.values()].every(({ capabilities }) => capabilities.durable)) all.set('in-process', inProcess())
  if (standIn) for (const [name, engine] of all) all.set(name, standIn.engineFor(engine))
  return all
}

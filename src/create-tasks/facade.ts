import { AlreadyStartedError, InvalidOptionError } from '../core/errors.ts'
import { sumCounts } from '../core/ledger.ts'
import type { Runner } from '../core/runner.ts'
import { guardMiddleware } from '../http/guard.ts'
import { probes } from '../http/probes.ts'
import type { Middleware } from '../http/task-middleware.ts'
import { endBegins } from '../lifecycle/drain.ts'
import type { StartOptions, Tasks, TasksStats } from './api.ts'
import { deadTasks } from './dead-tasks.ts'
import type { Stage } from './stage.ts'
import { STAND_IN, type Replaceable, type StandIn } from './stand-in.ts'

/** The object that `createTasks` gives, for whatever is on stage. */
export function tasksOf(stage: Stage, middleware: () => Middleware): Tasks {
  const tasks: Tasks = {
    add: (...args: readonly unknown[]) => stage.runner.add(args),
    use: (added) => (stage.use(added), tasks),
    observe: (observer) => (stage.observe(observer), tasks),
    register: (...more) => (stage.register(more), tasks),
    middleware,
    guard: () => guardMiddleware(stage),
    pause: (name) => pause(stage.runner, name, true),
    resume: (name) => pause(stage.runner, name, false),
    cancel: (id, reason = 'cancelled by id') => cancel(stage.runner, id, reason),
    start: (options) => start(stage.runner, options),
    dead: deadTasks(stage),
    stats: () => statsOf(stage.runner),
    idle: () => new Promise((resolve) => stage.runner.flow.live.onIdle(resolve)),
    probes: (options) => probes(stage, options),
    get ready() {
      return stage.runner.ready
    },
    unready: () => endBegins(stage.runner),
    close: (options = {}) => stage.close(options),
    [Symbol.asyncDispose]: async () => void (await tasks.close()),
  }
  const door: Replaceable = { [STAND_IN]: (standIn: StandIn) => stage.standIn(standIn) }
  // Not to be listed, copied or printed: it is for the testing kit alone.
  Object.defineProperty(tasks, STAND_IN, { value: door[STAND_IN] })
  return tasks
}

function pause(runner: Runner, name: string, paused: boolean): void {
  const task = runner.registry.get(name)
  if (!task) throw new InvalidOptionError(`there is no task '${name}'; register it first`)
  runner.flow.lanes.pause(task, paused)
}

async function cancel(runner: Runner, id: string, reason: string): Promise<boolean> {
  const { live, dispatch } = runner.flow
  if (runner.engines.some(({ capabilities }) => capabilities.durable)) runner.start()
  const submission = live.find(id) ?? runner.flow.handOver.find(id)
  if (submission) runner.flow.cancel(submission, reason)
  return submission !== undefined || dispatch.cancelStored(id, reason)
}

/** @throws AlreadyStartedError */
async function start(runner: Runner, { consume = true }: StartOptions = {}): Promise<void> {
  if (!runner.start(consume) && runner.consumes !== consume)
    throw new AlreadyStartedError(
      `start({ consume: ${consume} }) comes too late: a request, a task or an earlier start() has started the engines`,
    )
  await runner.flow.dispatch.allOpened()
}

function statsOf(runner: Runner): TasksStats {
  const { submissions, outcomes } = sumCounts(runner.counts)
  return { submissions, outcomes, inFlight: runner.flow.live.states(runner.clock.now()) }
}

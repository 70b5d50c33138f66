import type { Clock } from './clock.ts'
import { InvalidOptionError, toError } from './errors.ts'
import type { TaskObserver } from './observer.ts'
import { errorOf } from './outcome.ts'
import type { Submission } from './submission.ts'
import { TaskFailedError, type TaskFailure } from './task-failure.ts'
import type { AttemptOutcome, Outcome, TaskContext, TaskRecord } from './task.ts'
import { isThenable, promiseOf } from './thenable.ts'

/** What an application does about failures, once for all tasks. None of it can change an outcome. */
export interface Hooks {
  /** Once per attempt that failed, whether or not another follows. */
  onError?(error: Error, task: TaskContext): void | Promise<void>
  /**
   * Once per task that ended badly, run or not: failed, timed_out, dropped or interrupted. For a page, an error tracker, a
   * dead-letter table. What it adds is added by that task, and is taken while the runner drains.
   */
  onDead?(outcome: Outcome, record: TaskRecord): void | Promise<void>
  /**
   * The Koa application: its `'error'` listeners hear of every task that ended badly, once, with a `TaskFailedError` and,
   * where `ctx` is for a request, the facts of that failure. An application nobody listens to is told nothing.
   */
  readonly reportTo?: ErrorTarget | undefined
}

/** A Koa application, or any other emitter. */
export interface ErrorTarget {
  emit(event: 'error', error: TaskFailedError, failure: TaskFailure): unknown
  listenerCount(event: 'error'): number
}

export interface HookHost {
  readonly clock: Clock
  /** Runs a hook in the async context of the task it is about. */
  asTask<R>(task: Submission, run: () => R): R
  failed(where: string, error: unknown, record: TaskRecord): void
}

const FAILED: ReadonlySet<string> = new Set(['failed', 'timed_out', 'retried'])
const DEAD: ReadonlySet<string> = new Set(['failed', 'timed_out', 'dropped', 'interrupted'])
const LIMIT_MS = 5_000

/** Runs the hooks as an observer: guarded, and reported as failing themselves if they throw or take longer than 5 s. */
export class HookObserver implements TaskObserver {
  readonly name = 'hooks'
  readonly #hooks: Hooks
  readonly #host: HookHost
  readonly #running = new Set<Promise<void>>()

  /** @throws InvalidOptionError */
  constructor(hooks: Hooks, host: HookHost) {
    check(hooks)
    this.#hooks = hooks
    this.#host = host
  }

  attempted(task: TaskContext, outcome: AttemptOutcome): void {
    const error = errorOf(outcome)
    if (!this.#hooks.onError || !error || !FAILED.has(outcome.outcome)) return
    this.#run('onError', task.record, () => this.#hooks.onError?.(error, task))
  }

  settled(record: TaskRecord, outcome: Outcome): void {
    if (!DEAD.has(outcome.outcome)) return
    const { onDead, reportTo } = this.#hooks
    if (onDead) this.#run('onDead', record, () => this.#hooks.onDead?.(outcome, record))
    if (reportTo) this.#run('reportTo', record, () => emit(reportTo, new TaskFailedError(outcome, record)))
  }

  /** Resolves once no hook runs; each has its limit, so this does not wait for ever. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #run(hook: keyof Hooks, record: TaskRecord, call: () => void | Promise<void>): void {
    const where = `hook ${hook}`
    const task = record as Submission // observers are given nothing else
    task.hooks++
    try {
      const result: unknown = this.#host.asTask(task, call)
      if (!isThenable(result)) return void task.hooks--
      const limited = this.#limited(promiseOf(result), where, record)
      this.#running.add(limited)
      void limited.then(() => {
        task.hooks--
        this.#running.delete(limited)
      })
    } catch (thrown) {
      task.hooks--
      this.#host.failed(where, thrown, record)
    }
  }

  #limited(running: Promise<unknown>, where: string, record: TaskRecord): Promise<void> {
    return new Promise((resolve) => {
      const tooLong = () => {
        const error = new Error(`it took longer than ${LIMIT_MS} ms and is no longer waited for`)
        this.#host.failed(where, error, record)
        resolve()
      }
      const timer = this.#host.clock.setTimer(tooLong, LIMIT_MS)
      const ended = () => {
        timer.close()
        resolve()
      }
      running.then(ended, (thrown: unknown) => {
        this.#host.failed(where, toError(thrown), record)
        ended()
      })
    })
  }
}

/** An emitter without listeners throws what it should have emitted; nobody wants to hear, and the log line is written. */
function emit(target: ErrorTarget, error: TaskFailedError): void {
  if (target.listenerCount('error') > 0) target.emit('error', error, error.task)
}

const HOOK_NAMES: Required<{ [K in keyof Hooks]: string }> = {
  onError: 'a function',
  onDead: 'a function',
  reportTo: 'a Koa application',
}

/** A misspelt hook would be a failure that nobody hears of. */
function check(hooks: Hooks): void {
  for (const [name, value] of Object.entries(hooks) as [string, unknown][]) {
    if (!Object.hasOwn(HOOK_NAMES, name))
      throw new InvalidOptionError(
        `createTasks({ hooks }): there is no hook '${name}'; there are ${Object.keys(HOOK_NAMES).join(', ')}`,
      )
    const fits = name === 'reportTo' ? isTarget(value) : typeof value === 'function'
    if (value !== undefined && !fits)
      throw new InvalidOptionError(
        `createTasks({ hooks }): expected \`${name}\` to be ${HOOK_NAMES[name as keyof Hooks]}, got ${typeof value}`,
      )
  }
}

const isTarget = (value: unknown): boolean =>
  typeof (value as ErrorTarget | null)?.emit === 'function' &&
  typeof (value as ErrorTarget | null)?.listenerCount === 'function'

import type { Clock } from './clock.ts'
import { toError } from './errors.ts'
import type { TaskObserver } from './observer.ts'
import { errorOf } from './outcome.ts'
import type { AttemptOutcome, Outcome, TaskContext, TaskRecord } from './task.ts'
import { isThenable, promiseOf } from './thenable.ts'

/** What an application does about failures, once for all tasks. Neither can change an outcome. */
export interface Hooks {
  /** Once per attempt that failed, whether or not another follows. For an error tracker. */
  onError?(error: Error, task: TaskContext): void | Promise<void>
  /** Once per task that ended badly, run or not: failed, timed_out, dropped or interrupted. For a page, or a dead-letter table. */
  onDead?(outcome: Outcome, record: TaskRecord): void | Promise<void>
}

const FAILED: ReadonlySet<string> = new Set(['failed', 'timed_out', 'retried'])
const DEAD: ReadonlySet<string> = new Set(['failed', 'timed_out', 'dropped', 'interrupted'])
const LIMIT_MS = 5_000

/** Runs the hooks as an observer: guarded, and reported as failing themselves if they throw or take longer than 5 s. */
export class HookObserver implements TaskObserver {
  readonly name = 'hooks'
  readonly #hooks: Hooks
  readonly #clock: Clock
  readonly #failed: (where: string, error: unknown, record: TaskRecord) => void
  readonly #running = new Set<Promise<void>>()

  constructor(hooks: Hooks, clock: Clock, failed: (where: string, error: unknown, record: TaskRecord) => void) {
    this.#hooks = hooks
    this.#clock = clock
    this.#failed = failed
  }

  attempted(task: TaskContext, outcome: AttemptOutcome): void {
    const error = errorOf(outcome)
    if (error && FAILED.has(outcome.outcome))
      this.#run('onError', task.record, () => this.#hooks.onError?.(error, task))
  }

  settled(record: TaskRecord, outcome: Outcome): void {
    if (DEAD.has(outcome.outcome)) this.#run('onDead', record, () => this.#hooks.onDead?.(outcome, record))
  }

  /** Resolves once no hook runs; each has its limit, so this does not wait for ever. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  #run(hook: keyof Hooks, record: TaskRecord, call: () => void | Promise<void>): void {
    const where = `hook ${hook}`
    try {
      const result: unknown = call()
      if (!isThenable(result)) return
      const limited = this.#limited(promiseOf(result), where, record)
      this.#running.add(limited)
      void limited.then(() => this.#running.delete(limited))
    } catch (thrown) {
      this.#failed(where, thrown, record)
    }
  }

  #limited(running: Promise<unknown>, where: string, record: TaskRecord): Promise<void> {
    return new Promise((resolve) => {
      const tooLong = () => {
        this.#failed(where, new Error(`it took longer than ${LIMIT_MS} ms and is no longer waited for`), record)
        resolve()
      }
      const timer = this.#clock.setTimer(tooLong, LIMIT_MS)
      const ended = () => {
        timer.close()
        resolve()
      }
      running.then(ended, (thrown: unknown) => {
        this.#failed(where, toError(thrown), record)
        ended()
      })
    })
  }
}

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type Transferable } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { runNeutral, systemClock } from '../core/clock.ts'
import { InvalidInputError, InvalidOptionError, MissingPackageError, ThreadDiedError } from '../core/errors.ts'
import type { ExecutedTask, Executor, Prepared, ThreadSpec } from '../core/executor.ts'
import { findUncloneable, type Uncloneable } from './cloneable.ts'
import { lookAlike } from './crossing-errors.ts'
import { Line, type LineHost } from './line.ts'
import { LEVELS, type Job, type ThreadData } from './messages.ts'
import { moduleHref } from './module-file.ts'
import type { ResolvedThreads } from './options.ts'

export interface ThreadsHost extends Omit<LineHost, 'closed'> {
  /** The module that a thread runs: its `runJob`. */
  readonly entry: URL
  /** Whether a floating rejection leaves its thread alive. */
  readonly contains: boolean
}

interface Target extends ThreadSpec {
  readonly href: string
}

/** One attempt that has a thread, or waits for one to start up. */
interface Running {
  readonly line: Line
  readonly kill: AbortController
  readonly handsOver: boolean
  /** Why it can get no thread. */
  failure: Error | undefined
}

const load = createRequire(import.meta.url)
const PISCINA = 'piscina'
const FLUSH_MS = 1_000

/** Runs `thread` tasks in one piscina pool, made when the first of them starts. */
export class Threads implements Executor {
  readonly concurrency: number
  readonly maxQueue: number
  readonly #options: ResolvedThreads
  readonly #host: ThreadsHost & LineHost
  /** One for each thread that has done something. */
  readonly #lines = new Set<Line>()
  readonly #running = new Set<Running>()
  #pool: Piscina | undefined
  #lastError: Error | undefined
  /** Whether the task is known that `lastError` escaped. */
  #attributed = false

  constructor(options: ResolvedThreads, host: ThreadsHost) {
    this.#options = options
    this.#host = {
      ...host,
      closed: (line) => void this.#lines.delete(line),
      stray: (thrown, record, contained) => {
        this.#attributed ||= !contained
        host.stray(thrown, record, contained)
      },
    }
    this.concurrency = options.max
    this.maxQueue = options.maxQueue
  }

  /** @throws MissingPackageError without piscina, ThreadModuleError without the file */
  prepare(name: string, spec: ThreadSpec): Prepared {
    requirePiscina(name)
    const target: Target = { ...spec, href: moduleHref(spec.url, name) }
    return {
      check: (input) => checkInput(input, name),
      run: (input: unknown, task) => this.#run(target, input, task as unknown as ExecutedTask),
    }
  }

  /** Ends all threads, whatever they do. Those that have an SDK of their own may first send what it has. */
  async close(): Promise<void> {
    const pool = this.#pool
    if (!pool) return
    const late = Promise.withResolvers<void>()
    const timer = systemClock.setTimer(late.resolve, FLUSH_MS)
    await Promise.race([Promise.all([...this.#lines].map((line) => line.flush())), late.promise])
    timer.close()
    await pool.destroy()
  }

  async #run(target: Target, input: unknown, task: ExecutedTask): Promise<unknown> {
    const { signal } = task
    signal.throwIfAborted()
    const handedOver = transferOf(target, input, task)
    const { port1, port2 } = new MessageChannel()
    const line = new Line(port1, task, this.#host)
    this.#lines.add(line)
    const running: Running = { line, kill: new AbortController(), handsOver: handedOver.length > 0, failure: undefined }
    const abort = () => line.abort(signal.reason)
    signal.addEventListener('abort', abort)
    task.kill = () => running.kill.abort()
    this.#running.add(running)
    try {
      const job = { ...jobOf(target, task), input, port: port2, carried: this.#host.telemetry.outgoing() } satisfies Job
      const transferList = [port2, ...handedOver] as never
      // Threads outlive this attempt, and must not keep its async context.
      await runNeutral(() => this.#poolNow().run(job, { transferList, signal: running.kill.signal }))
      line.drain()
    } catch (thrown) {
      line.drain()
      if (!line.hasEnd) throw this.#death(thrown, running, task)
    } finally {
      task.kill = undefined
      if (!line.began) line.close()
      signal.removeEventListener('abort', abort)
      this.#running.delete(running)
    }
    return line.result()
  }

  #poolNow(): Piscina {
    if (this.#pool) return this.#pool
    const { min, max, idleTimeoutMs, resourceLimits } = this.#options
    const { Piscina: Pool } = load(PISCINA) as typeof import('piscina')
    const pool = new Pool({
      filename: fileURLToPath(this.#host.entry),
      name: 'runJob',
      minThreads: min,
      maxThreads: max,
      idleTimeout: idleTimeoutMs,
      // The event loop of a thread must live between jobs: what floats there is to surface then, not in the next job.
      atomics: 'disabled',
      workerData: { contains: this.#host.contains } satisfies ThreadData,
      ...(resourceLimits && { resourceLimits }),
    })
    pool.on('error', (thrown: unknown) => {
      this.#lastError = lookAlike(thrown)
      // Before its port closes, with what it said last.
      for (const line of this.#lines) line.drain()
    })
    pool.on('workerDestroy', () => setImmediate(this.#threadGone))
    return (this.#pool = pool)
  }

  /**
   * A thread that dies of an attempt fails that attempt. One that dies while it starts up, or after its work, has none: an
   * attempt that is left without a thread would wait for ever, since the pool starts no other in its place.
   */
  readonly #threadGone = (): void => {
    const error = this.#lastError
    const attributed = this.#attributed
    this.#lastError = undefined
    this.#attributed = false
    const waiting = [...this.#running].filter(({ line }) => !line.began)
    const starved = Math.min(waiting.length, this.#running.size - (this.#pool?.threads.length ?? 0))
    if (starved <= 0) return error && !attributed ? this.#host.failed('a thread', error) : undefined
    for (const one of waiting.slice(0, starved)) {
      const cause = error && { cause: error }
      one.failure = new ThreadDiedError(`its thread did not start: ${error?.message ?? 'it ended at once'}`, cause)
      one.kill.abort()
    }
  }

  #death(thrown: unknown, { failure, kill, line, handsOver }: Running, { name, signal }: ExecutedTask): unknown {
    const error = line.deathCause ?? lookAlike(thrown)
    const { code, message } = error as NodeJS.ErrnoException
    const died = (what: string, options: { cause?: Error; exitCode?: number } = {}) =>
      new ThreadDiedError(`task '${name}': ${what}`, options)
    if (failure) return died(failure.message, failure.cause === undefined ? {} : { cause: failure.cause as Error })
    if (kill.signal.aborted) return signal.reason ?? died('its thread was ended, since its attempt had')
    if (error.name === 'DataCloneError')
      return handsOver ? notHandedOver(name, error) : refusal(name, { what: message, path: '', cause: error })
    if (code === 'ERR_WORKER_OUT_OF_MEMORY')
      return died('its thread ran out of memory; threads.resourceLimits says how much it has', { cause: error })
    const [, exitCode] = /exited with code: (-?\d+)$/.exec(message) ?? []
    if (exitCode !== undefined)
      return died(`its thread ended with exit code ${exitCode} before its work, as by process.exit()`, {
        exitCode: Number(exitCode),
      })
    return died(`an error that nobody caught ended its thread: ${message}`, { cause: error })
  }
}

const jobOf = ({ href, exportName }: Target, { id, name, attempt, maxAttempts, log }: ExecutedTask) => ({
  id,
  name,
  attempt,
  maxAttempts,
  href,
  exportName,
  levels: LEVELS.filter((level) => log.isLevelEnabled?.(level) ?? true),
})

/** Before the last attempt the next one may need the input again. What `transfer` throws is the task's own error. */
function transferOf({ transfer }: Target, input: unknown, task: ExecutedTask): readonly Transferable[] {
  if (!transfer || task.attempt < task.maxAttempts) return []
  const list: unknown = transfer(input as never)
  if (Array.isArray(list)) return list as Transferable[]
  throw new InvalidOptionError(`task '${task.name}': expected \`transfer\` to give an array, got ${typeof list}`)
}

function checkInput(input: unknown, name: string): void {
  const unfit = findUncloneable(input)
  if (unfit) throw refusal(name, { ...unfit, what: `${unfit.what} at ${unfit.path || 'the top'}` })
}

const refusal = (name: string, { what, path, cause }: Uncloneable & ErrorOptions): InvalidInputError =>
  new InvalidInputError(`task '${name}': its input cannot go to a thread: ${what}; send plain data`, {
    issues: [{ message: what, path }],
    cause,
  })

const notHandedOver = (name: string, cause: Error): InvalidInputError =>
  new InvalidInputError(
    `task '${name}': what its \`transfer\` names cannot be handed over: ${cause.message}; ` +
      'name each ArrayBuffer of the input once, and copy a small Buffer first, which shares its memory with others',
    { issues: [{ message: cause.message, path: '' }], cause },
  )

let found = false

function requirePiscina(name: string): void {
  if (found) return
  try {
    load.resolve(PISCINA)
    found = true
  } catch (cause) {
    const message = `task '${name}' runs on a thread, which needs a package that is not installed: npm install piscina@^5`
    throw new MissingPackageError(message, { cause })
  }
}

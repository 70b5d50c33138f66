import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { ThreadModuleError, ThreadResultError } from '../core/errors.ts'
import type { ExecutedTask } from '../core/executor.ts'
import type { ResolvedSettings, TaskRecord } from '../core/task.ts'
import { packThrown, unpackError, unpackThrown } from './crossing-errors.ts'
import type { Asked, LogLine, Told } from './messages.ts'

/** What telemetry does about threads, on the main one. */
export interface ThreadTelemetry {
  /** What to send along with the attempt in whose context this is called. */
  outgoing(): unknown
  /** Something it shipped from the thread. */
  received(seen: unknown): void
  /** Runs `write` in the context that `where` stands for. */
  within(where: unknown, write: () => void): void
}
export interface LineHost {
  readonly telemetry: ThreadTelemetry
  failed(where: string, thrown: unknown, record?: TaskRecord): void
  stray(thrown: unknown, record: TaskRecord, contained: boolean): void
  /** Nothing more will be heard on it. */
  closed(line: Line): void
}

type End = Extract<Told, { readonly type: 'returned' | 'threw' | 'misfit' }>

/**
 * This side of the line to one attempt on its thread. It stays open after the attempt, for what still floats there, until
 * that thread begins its next one or is gone; it keeps no process alive.
 */
export class Line {
  /** Whether a thread has taken it up. */
  began = false
  readonly #port: MessagePort
  readonly #task: ExecutedTask
  readonly #host: LineHost
  #end: End | undefined
  #deathCause: Error | undefined
  #open = true
  readonly #flushed = Promise.withResolvers<void>()

  constructor(port: MessagePort, task: ExecutedTask, host: LineHost) {
    this.#port = port
    this.#task = task
    this.#host = host
    port.on('message', (told: Told) => this.#hear(told))
    port.on('close', () => {
      this.#flushed.resolve()
      host.closed(this)
    })
    port.unref()
  }

  abort(reason: unknown): void {
    this.#ask({ type: 'abort', reason: packThrown(reason) })
  }

  /** Resolves once the thread, which has nothing to do, has sent what its own telemetry held back, or is gone. */
  flush(): Promise<void> {
    this.#ask({ type: 'flush' })
    return this.#flushed.promise
  }

  /** No thread has taken it up, and none will. */
  close(): void {
    this.#port.close()
  }

  /** Hears all that the thread has said so far. The end of its work comes by another way, and may be here before it. */
  drain(): void {
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port))
      this.#hear((got as { readonly message: Told }).message)
  }

  /** Whether the function came to its end, whatever became of its thread then. */
  get hasEnd(): boolean {
    return this.#end !== undefined
  }

  /** The error that ended its thread, with more of it than Node tells. */
  get deathCause(): Error | undefined {
    return this.#deathCause
  }

  /** What the function gave back, or throws what it threw. Nothing it says about its task counts any more. */
  result(): unknown {
    const { name, signal } = this.#task
    const end = this.#end
    // It had done its work, and then died of something else before that was known here.
    if (this.#deathCause) this.#host.stray(this.#deathCause, this.#task.record, false)
    this.#open = false
    this.#end = undefined
    if (end?.type === 'returned') return end.value
    if (end?.type === 'threw') throw asReason(unpackThrown(end.thrown, this.#known), signal)
    const cause = end?.cause && { cause: unpackError(end.cause, this.#known) }
    if (end?.kind === 'module') throw new ThreadModuleError(`task '${name}': ${end.message}`, cause)
    const what = end?.message ?? 'something that cannot be read'
    throw new ThreadResultError(
      `task '${name}': its function gave back ${what}, which cannot leave its thread; give back plain data`,
      cause,
    )
  }

  /** Classes that errors of this task may be of. */
  get #known(): ResolvedSettings['expected'] {
    return this.#task.settings.expected
  }

  #ask(asked: Asked): void {
    this.#port.postMessage(asked, [])
  }

  #hear(told: Told): void {
    switch (told.type) {
      case 'began':
        this.began = true
        return
      case 'log':
        return this.#guarded('logger', () => this.#write(told))
      case 'seen':
        return this.#guarded('telemetry of a thread', () => this.#host.telemetry.received(told.seen))
      case 'stray':
        return this.#host.stray(unpackThrown(told.thrown, this.#known), this.#task.record, true)
      case 'dying':
        this.#deathCause = unpackError(told.thrown, this.#known)
        return this.#open ? undefined : this.#host.stray(this.#deathCause, this.#task.record, false)
      case 'progress':
        return this.#open ? this.#task.progress(told.fraction, told.note) : undefined
      case 'retry':
        return this.#open ? this.#task.retry(told.options) : undefined
      case 'fail':
        return this.#open ? this.#task.fail(told.reason) : undefined
      case 'discard':
        return this.#open ? this.#task.discard(told.reason) : undefined
      case 'flushed':
        return this.#flushed.resolve()
      case 'returned':
      case 'threw':
      case 'misfit':
        this.#end = told
        return
      default:
        return told satisfies never
    }
  }

  #write({ level, fields, errors, message, where }: LogLine): void {
    const { log } = this.#task
    const unpacked = errors.map((key) => [key, unpackThrown(fields[key] as never, this.#known)] as const)
    const all = { ...fields, ...Object.fromEntries(unpacked) }
    this.#host.telemetry.within(where, () => log[level](all, message))
  }

  #guarded(where: string, run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#host.failed(where, thrown, this.#task.record)
    }
  }
}

/** A function that throws its signal's reason throws the very error that aborted it, not a copy. */
function asReason(thrown: unknown, { aborted, reason }: AbortSignal): unknown {
  const [a, b] = [thrown, reason] as Partial<Error>[]
  return aborted && a?.name === b?.name && a?.message === b?.message ? reason : thrown
}

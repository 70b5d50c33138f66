import { inspect } from 'node:util'
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { CancelledError, InterruptedError, isError, ServicesError, TimeoutError } from '../core/errors.ts'
import type { RetryRequest } from '../core/retry.ts'
import type { Logger } from '../core/task.ts'
import { get, reasonOr } from '../core/text.ts'
import type { ThreadTask } from '../core/thread-types.ts'
import { findUncloneable } from './cloneable.ts'
import { packThrown, unpackError } from './crossing-errors.ts'
import { LEVELS, type Asked, type Job, type Level, type Told } from './messages.ts'

type Tell = (told: Told) => void

/** What a function on a thread gets as its `task`. */
export function makeTask(job: Job, tell: Tell, where: () => unknown): ThreadTask {
  const { id, name, attempt, maxAttempts } = job
  const task: ThreadTask = {
    id,
    name,
    attempt,
    maxAttempts,
    signal: liveSignal(job.port),
    log: makeLog({ levels: job.levels, tell, where }, {}),
    progress: (fraction, note) =>
      tell({
        type: 'progress',
        fraction: typeof fraction === 'number' ? fraction : Number.NaN,
        ...(note !== undefined && { note: reasonOr(note, '') }),
      }),
    retry: (options) => tell({ type: 'retry', options: plainRequest(options) }),
    fail: (reason) => tell({ type: 'fail', reason: reasonOr(reason, '') }),
    discard: (reason) => tell({ type: 'discard', reason: reasonOr(reason, '') }),
  }
  return Object.defineProperties(task, {
    services: absent(name, 'services', 'give it plain data as its input'),
    add: absent(name, 'add', 'add a task that comes `after` it'),
  })
}

/** What cannot cross must not fail the task that says it: only what is meant is sent. */
const plainRequest = ({ afterMs, beyondAttempts }: RetryRequest = {}): RetryRequest => ({
  ...(typeof afterMs === 'number' && { afterMs }),
  ...(beyondAttempts === true && { beyondAttempts }),
})

/** For code without types, which would only hear that something is undefined. */
const absent = (name: string, what: string, instead: string): PropertyDescriptor => ({
  get() {
    const where = `task '${name}' runs on a thread, where there is no task.${what}`
    throw new ServicesError(`${where}: that lives on the main thread; ${instead}`)
  },
})

/**
 * A signal that a loop can read which never lets the event loop run: `aborted` and `throwIfAborted()` look at the port.
 * Listeners still wait for the event loop.
 */
export function liveSignal(port: MessagePort): AbortSignal {
  const controller = new AbortController()
  const { signal } = controller
  const hear = (asked: Asked) => {
    if (asked.type === 'abort') controller.abort(unpackError(asked.reason, REASONS))
  }
  const look = () => {
    const received = receiveMessageOnPort(port)
    if (received) hear(received.message as Asked)
  }
  Object.defineProperties(signal, {
    aborted: {
      configurable: true,
      get() {
        look()
        return Reflect.get(AbortSignal.prototype, 'aborted', signal)
      },
    },
    throwIfAborted: {
      configurable: true,
      value() {
        look()
        AbortSignal.prototype.throwIfAborted.call(signal)
      },
    },
  })
  port.on('message', hear)
  port.unref()
  return signal
}

const REASONS = [TimeoutError, CancelledError, InterruptedError]

interface LogParts {
  readonly levels: readonly Level[]
  readonly tell: Tell
  readonly where: () => unknown
}

function makeLog(parts: LogParts, bindings: object): Logger {
  const { levels, tell, where } = parts
  const write = (level: Level) => (fields: object | string, message?: string) => {
    if (!levels.includes(level)) return
    const given = typeof fields === 'string' ? {} : isError(fields) ? { err: fields } : copied(fields)
    const text = typeof fields === 'string' ? fields : (message ?? (isError(fields) ? fields.message : undefined))
    const all = sendable({ ...bindings, ...given })
    tell({ type: 'log', level, ...all, ...(text !== undefined && { message: text }), where: where() })
  }
  const [debug, info, warn, error] = LEVELS.map(write)
  return {
    ...({ debug, info, warn, error } as Pick<Logger, Level>),
    child: (more) => makeLog(parts, { ...bindings, ...copied(more) }),
    isLevelEnabled: (level) => levels.includes(level as Level),
  }
}

/** A log line is never lost for what is in it, nor its task: errors are packed, and what cannot cross goes as text. */
function sendable(fields: object): { readonly fields: Record<string, unknown>; readonly errors: readonly string[] } {
  const entries = Object.entries(fields)
  const sent = entries.map(([key, value]: [string, unknown]) => {
    return [key, isError(value) ? packThrown(value) : cloneable(value)] as const
  })
  return { fields: Object.fromEntries(sent), errors: entries.filter(([, value]) => isError(value)).map(([key]) => key) }
}

function cloneable(value: unknown): unknown {
  try {
    return findUncloneable(value) ? inspect(value, { depth: 2 }) : value
  } catch {
    return UNREADABLE
  }
}

const UNREADABLE = '[unreadable]'

/** Getters that throw included. */
const copied = (fields: object | null): Record<string, unknown> =>
  Object.fromEntries(Object.keys(fields ?? {}).map((key) => [key, get(fields, key)]))

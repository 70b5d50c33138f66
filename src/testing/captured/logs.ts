import type { Logger, TaskContext } from '../../core/task.ts'
import * as names from '../../telemetry/names.ts'

/** A line about a task, or one that its handler wrote with `task.log`. */
export interface CapturedLine {
  /** Such as `info`; whatever level the application's logger has for `task.log`. */
  readonly level: string
  readonly message: string
  /** `afterglow.task.name` and the rest; of `task.log` also what it binds. */
  readonly fields: Readonly<Record<string, unknown>>
}

const LEVELS = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])

function lineOf(level: string, bound: object, args: readonly unknown[]): CapturedLine {
  const [first, second] = args
  return typeof first === 'string'
    ? { level, message: first, fields: { ...bound } }
    : { level, message: typeof second === 'string' ? second : '', fields: { ...bound, ...(first as object) } }
}

/** A logger that keeps its lines in `lines`. */
export function spyLogger(lines: CapturedLine[], bound: object = {}): Logger {
  const write =
    (level: string) =>
    (...args: readonly unknown[]): void =>
      void lines.push(lineOf(level, bound, args))
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => spyLogger(lines, { ...bound, ...more }),
    isLevelEnabled: () => true,
  }
}

/** The application's own logger, whatever it can do, with what is written through it kept in `lines`. */
export function watchedLog(lines: CapturedLine[], log: Logger, task: TaskContext): Logger {
  const bound = { [names.TASK_NAME]: task.name, [names.TASK_ID]: task.id, [names.TASK_ATTEMPT]: task.attempt }
  return watched(lines, log, bound)
}

function watched(lines: CapturedLine[], log: Logger, bound: object): Logger {
  return new Proxy(log, {
    get(target, key) {
      // Whoever asks first, such as a thread, would not even write what the application's own logger leaves out.
      if (key === 'isLevelEnabled') return () => true
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      const method = value as (...args: unknown[]) => unknown
      if (key === 'child')
        return (more: object, ...rest: unknown[]) =>
          watched(lines, method.call(target, more, ...rest) as Logger, { ...bound, ...more })
      if (typeof key !== 'string' || !LEVELS.has(key)) return method.bind(target)
      return (...args: unknown[]) => {
        lines.push(lineOf(key, bound, args))
        return method.apply(target, args)
      }
    },
  })
}

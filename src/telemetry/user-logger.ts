import { InvalidOptionError } from '../core/errors.ts'
import type { Logger } from '../core/task.ts'
import type { Level } from './log-lines.ts'

/** What tells pino's levels, and their numbers, from those of other loggers. */
interface Levelled {
  readonly levels?: { readonly values?: Readonly<Record<string, number>> }
}

const SEVERITY: Readonly<Record<Level, number>> = { info: 30, warn: 40, error: 50 }
const LEVELS = Object.keys(SEVERITY) as Level[]

/**
 * Which method of a logger each of our levels goes to. A pino with levels of its own may have no `info`: then it is the next
 * one that is as severe, or else the most severe there is.
 * @throws InvalidOptionError if there is none
 */
export function methodsOf(logger: Logger): Readonly<Record<Level, Level>> {
  const methods = { info: 'info', warn: 'warn', error: 'error' } as Record<Level, Level>
  for (const level of LEVELS) if (typeof logger[level] !== 'function') methods[level] = nearest(logger, level)
  return methods
}

function nearest(logger: Logger, level: Level): Level {
  const values = Object.entries((logger as Levelled).levels?.values ?? {}).toSorted(([, a], [, b]) => a - b)
  const name = (values.find(([, value]) => value >= SEVERITY[level]) ?? values.at(-1))?.[0]
  // It is called by that name, whatever our type says of it.
  if (name !== undefined && typeof (logger as unknown as Record<string, unknown>)[name] === 'function')
    return name as Level
  throw new InvalidOptionError(
    `createTasks: expected \`logger\` to have a method \`${level}\`, as pino and console do; \`false\` is for none`,
  )
}

export const childOf = (logger: Logger, bindings: object): Logger =>
  logger.child?.(bindings) ?? binding(logger, bindings)

/** A child for a logger that cannot make one. */
function binding(logger: Logger, bindings: object): Logger {
  const bound = (level: 'debug' | Level) => (fields: object | string, message?: string) =>
    typeof fields === 'string' ? logger[level](bindings, fields) : logger[level]({ ...bindings, ...fields }, message)
  const isLevelEnabled = (level: string) => logger.isLevelEnabled?.(level) ?? true
  return { debug: bound('debug'), info: bound('info'), warn: bound('warn'), error: bound('error'), isLevelEnabled }
}

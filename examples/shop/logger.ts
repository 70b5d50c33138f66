import { pino, type Logger } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { Env } from './env.ts'
import { readable, type LogLine } from './readable-line.ts'

/** JSON for machines; in a terminal one readable line each, made from the same JSON. */
export function createLogger({ LOG_LEVEL, LOG_FORMAT }: Pick<Env, 'LOG_LEVEL' | 'LOG_FORMAT'>): Logger {
  const options = { level: LOG_LEVEL }
  if (LOG_FORMAT === 'json') return pino(options)
  const terminal = PinoPretty({
    sync: true,
    colorize: false, // readable() does, part by part
    hideObject: true,
    ignore: 'level,time,pid,hostname',
    messageFormat: (line) => readable(line as unknown as LogLine),
  })
  return pino(options, terminal)
}

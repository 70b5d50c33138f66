import type { Logger } from '../core/task.ts'

const nothing = () => undefined
export const SILENT: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
}

const consoleLine = (fields: object | string, message?: string): readonly unknown[] =>
  typeof fields === 'string' ? [`koa-afterglow: ${fields}`] : [`koa-afterglow: ${message}`, fields]

/* oxlint-disable no-console -- it is the one thing every process has, and only what went wrong goes there */
/** Without a logger nothing is lost silently, and nothing else is said. */
export const CONSOLE: Logger = {
  debug: nothing,
  info: nothing,
  warn: (fields, message) => console.warn(...consoleLine(fields, message)),
  error: (fields, message) => console.error(...consoleLine(fields, message)),
  isLevelEnabled: (level) => level === 'warn' || level === 'error',
}

/** The part of pino that is used; `console` fits too. The fields come first, then the message; or the message alone. */
export interface Logger {
  debug(fields: object | string, message?: string): void
  info(fields: object | string, message?: string): void
  warn(fields: object | string, message?: string): void
  error(fields: object | string, message?: string): void
  child?(bindings: object): Logger
  isLevelEnabled?(level: string): boolean
  readonly level?: string
}

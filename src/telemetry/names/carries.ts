import * as names from '../names.ts'

/** Names of attributes: those that are always there, and those that are there when they apply. */
export interface Carries {
  readonly always: readonly string[]
  readonly sometimes: readonly string[]
}

/** The facts of the request that caused a task. */
export const REQUEST = [
  names.REQUEST_METHOD,
  names.REQUEST_ROUTE,
  names.REQUEST_STATUS_CODE,
  names.REQUEST_TRACE_ID,
  names.REQUEST_SPAN_ID,
]
/** Of a task of a durable engine. */
export const MESSAGING = [
  names.MESSAGING_SYSTEM,
  names.MESSAGING_DESTINATION,
  names.MESSAGING_OPERATION,
  names.MESSAGING_OPERATION_TYPE,
  names.MESSAGING_MESSAGE_ID,
]
export const CODE = [names.CODE_FILE_PATH, names.CODE_LINE_NUMBER, names.CODE_FUNCTION_NAME]
export const EXCEPTION = [names.EXCEPTION_TYPE, names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE]

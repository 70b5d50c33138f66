import { EngineError, toError } from '../../core/errors.ts'

/** What PostgreSQL says in codes, in words that say what to do. */
const MEANINGS: Readonly<Record<string, string>> = {
  '53100': 'the disk of the store is full: make room; tasks are refused until there is',
  '53200': 'the store is out of memory',
  '53300': 'the store takes no more connections: raise its max_connections, or lower `pool.max`',
  '25006': 'the store is read-only: a standby, or told so; tasks are refused until it can be written to',
  '42501':
    'the user of the store may not do that: grant it the schema of pg-boss, or migrate with another user and set `migrate: false`',
  '57P01': 'the store is shutting down',
  '57P03': 'the store is starting up',
  '28P01': 'the store refuses the password',
  '28000': 'the store refuses the user',
  '3D000': 'the store has no such database',
  ECONNREFUSED: 'nothing listens where the store should be',
  ENOTFOUND: 'the host of the store is not known',
  ENOSPC: 'the disk of the store is full: make room; tasks are refused until there is',
}

function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : ''
}

const TIMED_OUT =
  /^Query read timeout|timeout exceeded when trying to connect|timeout expired|due to connection timeout/
const CUT_OFF = /^Connection terminated|^read ECONNRESET|^write EPIPE/

function meaningOf(code: string, message: string): string | undefined {
  if (TIMED_OUT.test(message)) return 'the store did not answer in time'
  return CUT_OFF.test(message) ? 'the store was cut off' : MEANINGS[code]
}

/** The same error, with words in front of it where there are some. */
export function explained(thrown: unknown): Error {
  const error = toError(thrown)
  const code = codeOf(thrown)
  if (code.startsWith('ERR_AFTERGLOW_')) return error
  const meaning = meaningOf(code, error.message)
  return meaning ? new EngineError(`${meaning} (${error.message || code})`, { cause: error }) : error
}

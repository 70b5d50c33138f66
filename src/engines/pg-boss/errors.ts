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

/** The same error, with words in front of it where its code has some. */
export function explained(thrown: unknown): Error {
  const error = toError(thrown)
  const meaning =
    MEANINGS[codeOf(thrown)] ?? (TIMED_OUT.test(error.message) ? 'the store did not answer in time' : undefined)
  return meaning ? new EngineError(`${meaning} (${error.message || codeOf(thrown)})`, { cause: error }) : error
}

const TIMED_OUT = /^Query read timeout|timeout exceeded when trying to connect|timeout expired/
const GONE = /Connection terminated|connection ended|timeout/i
/** Connections: refused, cut, too many, or to a server that comes up or goes down. */
const PASSES = /^(08|53300|57P0|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)/

/** Whether trying again later may help: the server is not there, as opposed to there and of another mind. */
export function passes(thrown: unknown): boolean {
  const { errors } = (thrown ?? {}) as { readonly errors?: readonly unknown[] }
  if (Array.isArray(errors) && errors.length > 0) return errors.every(passes)
  return PASSES.test(codeOf(thrown)) || GONE.test(toError(thrown).message)
}

import { isError } from '../../core/errors.ts'
import type { OutcomeName } from '../../core/ledger.ts'
import type { Seen } from '../kit/added-task.ts'
import { times } from '../kit/pick.ts'
import { whereIs } from '../kit/rest.ts'
import { about, failure, type MatcherContext, type MatcherResult } from './context.ts'
import { seenOf } from './subject.ts'

/** Of several tasks all did; with `.not`, none. */
export function haveSettled(context: MatcherContext, received: unknown, outcome?: OutcomeName): MatcherResult {
  const seen = seenOf(received)
  const negated = Boolean(context.isNot)
  const has = (one: Seen) => one.outcome !== undefined && (outcome === undefined || one.outcome.outcome === outcome)
  const call = `toHaveSettled(${outcome === undefined ? '' : `'${outcome}'`})`
  return {
    pass: negated ? seen.some(has) : seen.length > 0 && seen.every(has),
    message: () => failure(context, call, ...about(seen, (one) => has(one) === negated, say)),
  }
}

function say(seen: Seen): string {
  const { name, outcome, attempts } = seen
  if (!outcome) return `It has not settled: ${whereIs(seen)}${lastError(seen)}`
  const why = 'error' in outcome && isError(outcome.error) ? `: ${outcome.error.message}` : ''
  const reason = 'reason' in outcome && outcome.reason !== undefined ? ` (${outcome.reason})` : ''
  return `'${name}' settled as '${outcome.outcome}' after ${ranFor(attempts.length)}${reason}${why}`
}

const ranFor = (attempts: number): string => (attempts === 1 ? '1 attempt' : `${attempts} attempts`)

function lastError({ attempts }: Seen): string {
  const last = attempts.at(-1)
  if (!last || !('error' in last) || !isError(last.error)) return ''
  return `; it failed ${times(attempts.length)}, the last time with: ${last.error.message}`
}

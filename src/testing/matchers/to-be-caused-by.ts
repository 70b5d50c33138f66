import type { RequestFacts } from '../../core/task.ts'
import type { Seen } from '../kit/added-task.ts'
import type { AnyResponse } from '../kit/requests.ts'
import { sessions } from '../kit/sessions.ts'
import { about, failure, type MatcherContext, type MatcherResult } from './context.ts'
import { seenOf } from './subject.ts'

/** A response (supertest, `fetch`), a route as `'POST /register'`, or some of the facts: `{ method: 'POST', statusCode: 201 }`. */
export type RequestLike =
  | AnyResponse
  | string
  | Partial<Pick<RequestFacts, 'method' | 'route' | 'statusCode' | 'response'>>

/** By that request, or by one of its tasks. Of several tasks all are; with `.not`, none. */
export function beCausedBy(context: MatcherContext, received: unknown, request: RequestLike): MatcherResult {
  const seen = seenOf(received)
  const negated = Boolean(context.isNot)
  const is = matcherOf(request)
  const by = (one: Seen) => one.request !== undefined && is(one.request)
  const call = `toBeCausedBy(${typeof request === 'string' ? `'${request}'` : 'request'})`
  return {
    pass: negated ? seen.some(by) : seen.length > 0 && seen.every(by),
    message: () => failure(context, call, ...about(seen, (one) => by(one) === negated, say)),
  }
}

/** @throws TestingError for a response that is of no request of a kit */
function matcherOf(request: RequestLike): (facts: RequestFacts) => boolean {
  if (typeof request === 'string') return ({ method, route }) => `${method} ${route}` === request
  if ('headers' in request) {
    const facts = factsOf(request)
    return (one) => one === facts
  }
  const wanted = Object.entries(request)
  return (facts) => wanted.every(([key, value]) => facts[key as keyof typeof request] === value)
}

function factsOf(response: AnyResponse): RequestFacts | undefined {
  const open = sessions()
  for (const session of open.slice(0, -1)) {
    const facts = session.findRequest(response)
    if (facts) return facts
  }
  return open.at(-1)?.requestOf(response)
}

function say({ name, request, by }: Seen): string {
  if (!request) return `'${name}' was added outside of any request`
  const { statusCode, response } = request
  return `'${name}' was caused by ${by()}, answered with ${statusCode ?? 'nothing yet'}${response === 'aborted' ? ' (aborted)' : ''}`
}

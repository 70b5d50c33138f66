import type { Exchange } from '../../create-tasks/stand-in.ts'
import type { RequestFacts } from '../../core/task.ts'
import { newId } from '../../core/ids.ts'
import { TestingError } from './errors.ts'

/** Put on every response of an application that is taken over, so that a response tells which request it answers. */
export const REQUEST_HEADER = 'afterglow-test-request'

/** A response of supertest, `fetch` or any client that shows headers. */
export interface AnyResponse {
  readonly headers: unknown
}

/** The requests that an application was asked while it was taken over. */
export class Requests {
  readonly #facts = new Map<string, RequestFacts>()
  readonly #urls = new WeakMap<RequestFacts, string>()

  readonly served = ({ req, res }: Exchange, facts: RequestFacts): void => {
    const id = newId()
    this.#facts.set(id, facts)
    this.#urls.set(facts, `${req.method} ${req.url}`)
    res.setHeader(REQUEST_HEADER, id)
    const { removeHeader } = res
    // Koa takes all headers off a response that becomes an error; its tasks are looked for like any other's.
    res.removeHeader = (name) => {
      if (name.toLowerCase() !== REQUEST_HEADER) removeHeader.call(res, name)
    }
  }

  /** Such as `POST /register`: its route is known only once it was answered. */
  nameOf(facts: RequestFacts): string {
    return facts.route === undefined ? (this.#urls.get(facts) ?? facts.method) : `${facts.method} ${facts.route}`
  }

  find(response: AnyResponse): RequestFacts | undefined {
    return this.#facts.get(headerOf(response) ?? '')
  }

  /** @throws TestingError if it is no response, or of no request that was seen here */
  of(response: AnyResponse): RequestFacts {
    const id = headerOf(response)
    const facts = id === undefined ? undefined : this.#facts.get(id)
    if (facts) return facts
    throw new TestingError(
      id === undefined
        ? `expected a response (of supertest, fetch, ...) with the header ${REQUEST_HEADER}: does its application use tasks.middleware(), and was it taken over then?`
        : 'that response is of a request from before these tasks were taken over',
    )
  }
}

function headerOf(response: AnyResponse | undefined): string | undefined {
  const headers = response?.headers as ({ get?(name: string): unknown } & Readonly<Record<string, unknown>>) | undefined
  const value = typeof headers?.get === 'function' ? headers.get(REQUEST_HEADER) : headers?.[REQUEST_HEADER]
  return typeof value === 'string' ? value : undefined
}

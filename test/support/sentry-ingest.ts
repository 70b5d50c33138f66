// Where Sentry's SDK sends: an HTTP server that takes envelopes apart, and lets a test wait for what arrives.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface SentryEvent {
  readonly level?: string
  readonly tags?: Readonly<Record<string, unknown>>
  readonly contexts: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly exception: { readonly values: readonly { readonly type: string; readonly value: string }[] }
}
export interface SentrySpan {
  readonly name: string
  readonly trace_id: string
  readonly span_id: string
  readonly parent_span_id?: string
  readonly status: string
}

const WAIT_MS = 15_000

export class SentryIngest implements AsyncDisposable {
  readonly events: SentryEvent[] = []
  readonly spans: SentrySpan[] = []
  readonly #server: Server
  #woken: (() => void)[] = []

  constructor() {
    this.#server = createServer((request, response) => void this.#receive(request, response))
  }

  async listen(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get dsn(): string {
    return `http://public@127.0.0.1:${(this.#server.address() as AddressInfo).port}/1`
  }

  /** Asks `find` after each envelope until it finds something. */
  async until<Found>(find: () => Found | undefined): Promise<Found> {
    const limit = AbortSignal.timeout(WAIT_MS)
    limit.addEventListener('abort', () => this.#wake())
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (limit.aborted) throw new Error(`waited in vain; there are ${this.events.length} events`)
      await new Promise<void>((resolve) => this.#woken.push(resolve))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close')
    this.#server.closeAllConnections()
    await closed
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
    this.#keep(text.trim().split('\n'))
    response.setHeader('content-type', 'application/json').end('{}')
    this.#wake()
  }

  /** One line about the envelope, then two per item: its header and what it holds. */
  #keep([, ...items]: readonly string[]): void {
    for (let n = 0; n + 1 < items.length; n += 2) {
      const { type } = JSON.parse(items[n] ?? '') as { type: string }
      const item = JSON.parse(items[n + 1] ?? '') as unknown
      if (type === 'event') this.events.push(item as SentryEvent)
      if (type === 'span') this.spans.push(...(item as { items: SentrySpan[] }).items)
    }
  }

  #wake(): void {
    const woken = this.#woken
    this.#woken = []
    for (const wake of woken) wake()
  }
}

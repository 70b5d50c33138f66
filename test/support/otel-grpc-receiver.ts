// An OTLP/gRPC receiver that keeps which service was called with what bytes; or takes calls and never answers.
import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

export class GrpcReceiver implements AsyncDisposable {
  /** Bytes received, as text, by the name of the service: `TraceService`, `LogsService`, `MetricsService`. */
  readonly received = new Map<string, string>()
  silent = false
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()

  constructor() {
    this.#server = createServer()
    this.#server.on('session', (session) => this.#sessions.add(session))
    this.#server.on('stream', (stream: ServerHttp2Stream, headers) => this.#receive(stream, String(headers[':path'])))
  }

  async listen(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const session of this.#sessions) session.destroy()
    await closed
  }

  #receive(stream: ServerHttp2Stream, path: string): void {
    const [, service = ''] = /\.(\w+)\/Export$/.exec(path) ?? []
    stream.on('error', () => undefined)
    stream.setEncoding('latin1').on('data', (text: string) => {
      this.received.set(service, (this.received.get(service) ?? '') + text)
    })
    stream.on('end', () => {
      if (this.silent || stream.destroyed) return
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      // An empty message: a flag and a length.
      stream.end(Buffer.alloc(5))
    })
  }
}

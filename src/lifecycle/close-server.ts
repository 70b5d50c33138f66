import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2Session } from 'node:http2'
import type { Server } from 'node:net'

/** Any HTTP server of Node's, over TLS and HTTP/2 too. */
export type ClosableServer = Server & { closeIdleConnections?(): void; closeAllConnections?(): void }

/** How often connections are looked for that became idle while the server closes. */
const LOOK_MS = 50

/** Ends a server without cutting anybody off in the middle. */
export class ServerEnd {
  readonly #server: ClosableServer
  /** Of HTTP/2, which the server does not end by itself. */
  readonly #sessions = new Set<Http2Session>()

  constructor(server: ClosableServer) {
    this.#server = server
    server.on('session', (session: Http2Session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
  }

  /** From now on each answer over HTTP/1.1 asks its client to use another connection next time, so that it finds another instance. */
  askToLeave(): void {
    this.#server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1 && !response.headersSent) response.setHeader('Connection', 'close')
    })
  }

  /** Takes no new connections, lets go of idle ones, also of those that become idle later. Resolves once none is left. */
  close(): Promise<void> {
    for (const session of this.#sessions) session.close()
    return new Promise((resolve) => {
      const look = setInterval(() => this.#server.closeIdleConnections?.(), LOOK_MS)
      look.unref()
      this.#server.close(() => {
        clearInterval(look)
        resolve()
      })
      this.#server.closeIdleConnections?.()
    })
  }

  /** Cuts off whoever is left. */
  cut(): void {
    this.#server.closeAllConnections?.()
    for (const session of this.#sessions) session.destroy()
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2Session } from 'node:http2'
import { Server, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

/** Any HTTP server of Node's, over TLS and HTTP/2 too. */
export type ClosableServer = Server & { closeIdleConnections?(): void; closeAllConnections?(): void }

/** How often the connections are looked at while the server closes. */
const LOOK_MS = 50
/** How many turns of the event loop may pass until nobody waits to be let in any more; each turn lets in one at least. */
const MAX_TURNS = 1_000
/** How long an idle connection stays: a request may be under way on it, which a client that retries nothing would lose. */
const LINGER_MS = 500

/** When something last came or went on a connection, as far as looks show. */
interface Seen {
  bytes: number
  since: number
}

/** Ends a server without cutting anybody off in the middle. */
export class ServerEnd {
  readonly #server: ClosableServer
  /** All of them, as TCP has them: also those that were upgraded, which the server itself no longer knows. */
  readonly #all = new Set<Socket>()
  /** As HTTP has them. */
  readonly #sockets = new Map<Socket, Seen>()
  #opened = 0
  /** Of HTTP/2, which the server does not end by itself. */
  readonly #sessions = new Set<Http2Session>()

  constructor(server: ClosableServer) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#opened++
      this.#all.add(socket)
      socket.once('close', () => this.#all.delete(socket))
    })
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.set(socket, { bytes: 0, since: performance.now() })
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('session', (session: Http2Session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
  }

  /**
   * From now on each answer over HTTP/1.1, to requests that are being served too, asks its client to use another connection
   * next time, so that it finds another instance.
   */
  askToLeave(): void {
    for (const socket of this.#sockets.keys()) leaving(answerOn(socket))
    this.#server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1) leaving(response)
    })
    this.#look()
  }

  /** Takes no new connections, lets go of idle ones, also of those that become idle later. Resolves once none is left. */
  async close(): Promise<void> {
    await this.#letIn()
    for (const session of this.#sessions) session.close()
    await new Promise<void>((resolve) => {
      const looks = setInterval(() => this.#closeIdle(), LOOK_MS)
      // Not the close() of HTTP servers, which cuts idle connections at once.
      Server.prototype.close.call(this.#server, () => {
        clearInterval(looks)
        resolve()
      })
      this.#closeIdle()
    })
  }

  /** Whoever the operating system has connected already would be reset. */
  async #letIn(): Promise<void> {
    for (let turn = 0, before = -1; turn < MAX_TURNS && before !== this.#opened; turn++) {
      before = this.#opened
      // Two: the first may come before the loop has looked for connections, the second comes after that.
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Cuts off whoever is left. */
  cut(): void {
    this.#server.closeAllConnections?.()
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#all) socket.destroy()
  }

  /** Right after the loop has read what arrived: what came meanwhile is then no longer idle. */
  #closeIdle(): void {
    setImmediate(() => {
      this.#look()
      const before = performance.now() - LINGER_MS
      const young = [...this.#sockets].some(([socket, { since }]) => !answerOn(socket) && since > before)
      if (!young) this.#server.closeIdleConnections?.()
      // One that never said a word is, to some versions of Node, not idle but at the beginning of a request.
      for (const [socket, { since }] of this.#sockets) if (socket.bytesRead === 0 && since <= before) socket.destroy()
    })
  }

  #look(): void {
    const now = performance.now()
    for (const [socket, seen] of this.#sockets) {
      const bytes = socket.bytesRead + socket.bytesWritten
      if (bytes !== seen.bytes) Object.assign(seen, { bytes, since: now })
    }
  }
}

/**
 * The answer that is being given on a connection. Node has it in a field that is not documented, though others have long
 * read it: without it nothing breaks, but those being served would not be asked to leave, and idle ones stay a little longer.
 */
const answerOn = (socket: Socket): ServerResponse | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined

function leaving(response: ServerResponse | undefined): void {
  if (response && !response.headersSent) response.setHeader('Connection', 'close')
}

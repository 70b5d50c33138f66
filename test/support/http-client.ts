import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import type { Protocol } from './http-server.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Asking {
  readonly method?: string
  readonly path?: string
}

/** One request on a connection of its own, to the end of its response. */
export function ask(port: number, protocol: Protocol, asking: Asking = {}): Promise<Answer> {
  return protocol === 'http1' || protocol === 'tls'
    ? askHttp1(port, protocol, asking)
    : askHttp2(port, protocol, asking)
}

const read = async (body: AsyncIterable<unknown>): Promise<string> => {
  let text = ''
  for await (const chunk of body) text += String(chunk)
  return text
}

async function askHttp1(port: number, protocol: Protocol, { method = 'GET', path = '/' }: Asking): Promise<Answer> {
  const options = { host: '127.0.0.1', port, method, path, agent: false as const, rejectUnauthorized: false }
  const request = (protocol === 'tls' ? https : http).request(options).end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return { status: response.statusCode ?? 0, body: await read(response) }
}

async function askHttp2(port: number, protocol: Protocol, { method = 'GET', path = '/' }: Asking): Promise<Answer> {
  const session = connectHttp2(port, protocol)
  try {
    const stream = session.request({ ':path': path, ':method': method }).setEncoding('utf8')
    let status = 0
    let body = ''
    stream.on('response', (headers) => (status = Number(headers[':status'])))
    stream.on('data', (chunk: string) => (body += chunk))
    await once(stream, 'close')
    return { status, body }
  } finally {
    session.close()
  }
}

export function connectHttp2(
  port: number,
  protocol: Protocol,
  settings: http2.Settings = {},
): http2.ClientHttp2Session {
  const scheme = protocol === 'h2' ? 'https' : 'http'
  const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false, settings })
  session.on('error', () => undefined)
  return session
}

/** A bare connection, for what a well-behaved client would not do. */
export class RawClient implements Disposable {
  readonly socket: net.Socket
  received = ''
  #wake: (() => void) | undefined

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.received += chunk
      this.#wake?.()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => this.#wake?.())
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  send(...paths: readonly string[]): void {
    this.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  }

  /** Until so many responses came, told apart by their status lines, and the text `ending` after them. */
  async receives(ending: string, responses = 1): Promise<void> {
    while (this.received.split('HTTP/1.1 ').length <= responses || !this.received.endsWith(ending)) {
      if (this.socket.destroyed) throw new Error(`the connection ended after ${JSON.stringify(this.received)}`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

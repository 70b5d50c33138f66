// What main.ts knows from outside: what clients were told.
import { once } from 'node:events'
import http from 'node:http'
import { pick } from './kinds.ts'

const CONNECTIONS = 16
/** Of a hundred requests so many are given up by their client before it heard of them. */
const GIVEN_UP = 3

export interface Wrong {
  readonly what: string
  /** The client's, if it got as far as being connected. */
  readonly port?: number | undefined
}

export interface Told {
  /** Ids of tasks that an answer named. */
  readonly ids: Set<string>
  answers: number
  /** Answers other than 200, and connections that broke under a request. */
  readonly wrong: Wrong[]
}

/** Kept connections, each with one request after the other, until an answer says that it is the last. Nothing is tried again. */
export class Load {
  readonly told: Told = { ids: new Set(), answers: 0, wrong: [] }
  readonly #port: number
  readonly #dice: () => number
  readonly #all: Promise<unknown>
  #waiting: { readonly answers: number; readonly resolve: () => void } | undefined
  #ends = false

  constructor(port: number, dice: () => number) {
    this.#port = port
    this.#dice = dice
    this.#all = Promise.all(Array.from({ length: CONNECTIONS }, () => this.#connection()))
  }

  async answered(answers: number): Promise<void> {
    if (this.told.answers < answers) await new Promise<void>((resolve) => (this.#waiting = { answers, resolve }))
  }

  /** From now on no connection is replaced. */
  async ends(): Promise<void> {
    this.#ends = true
    await this.#all
  }

  async #connection(): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let more = true; more;) more = await this.#ask(agent)
    agent.destroy()
  }

  /** Whether the connection may be used again. */
  async #ask(agent: http.Agent): Promise<boolean> {
    const request = http.get({ host: '127.0.0.1', port: this.#port, path: `/${pick(this.#dice)}`, agent })
    request.on('error', () => undefined)
    let port: number | undefined
    // Of a socket that is gone nothing is left to read.
    request.once('socket', (socket) => {
      port = socket.localPort
      if (socket.connecting) socket.once('connect', () => (port = socket.localPort))
    })
    if (this.#dice() * 100 < GIVEN_UP) {
      request.once('socket', () => setTimeout(() => request.destroy(), this.#dice() * 10))
      await new Promise((resolve) => request.once('close', resolve))
      return !this.#ends
    }
    try {
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
      this.#heard(response.statusCode ?? 0, body)
      return response.headers.connection !== 'close'
    } catch (thrown) {
      this.told.wrong.push({ what: String((thrown as NodeJS.ErrnoException).code ?? thrown), port })
      return false
    }
  }

  #heard(status: number, body: string): void {
    this.told.answers++
    if (status === 200) this.told.ids.add((JSON.parse(body) as { id: string }).id)
    else this.told.wrong.push({ what: `status ${status}` })
    if (this.#waiting && this.told.answers >= this.#waiting.answers) this.#waiting.resolve()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'

export interface WakerHost {
  /** What to listen to now, in order. */
  keys(): readonly string[]
  woken(wake: Wake): void
}

export interface Wake {
  readonly key: string
  readonly member: string
  /** When what is there is due, in milliseconds since the epoch; 0 is now. */
  readonly score: number
}

/** How long one look may block; also how soon a connection that died without a word is noticed. */
export const BLOCK_MS = 5_000
const PAUSE_MS = 500

/**
 * Waits for what BullMQ puts into the marker of a queue when there is work, on all queues at once and on a connection of its
 * own. It is taken by one worker.
 */
export class Waker {
  readonly #client: Redis
  readonly #commands: Redis
  readonly #host: WakerHost
  /** Of this process alone. */
  readonly #key: string
  readonly #ending = new AbortController()
  #listening: ReadonlySet<string> = new Set()
  #poked = false

  constructor(clients: { readonly blocking: Redis; readonly commands: Redis }, key: string, host: WakerHost) {
    this.#client = clients.blocking
    this.#commands = clients.commands
    this.#key = key
    this.#host = host
  }

  async run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const keys = this.#host.keys()
      this.#poked = false
      this.#listening = new Set(keys)
      try {
        const popped = await this.#client.bzpopmin(...keys, this.#key, BLOCK_MS / 1_000)
        const [key = this.#key, member = '', score] = popped ?? []
        if (key !== this.#key) this.#host.woken({ key, member, score: Number(score) })
      } catch {
        // The connection says itself that it is down.
        this.#listening = new Set()
        await sleep(PAUSE_MS, undefined, { signal: this.#ending.signal }).catch(() => {})
      }
    }
  }

  /** Listens to this key too, from now on if it does not yet. */
  include(key: string): void {
    if (this.#listening.has(key) || this.#listening.size === 0 || this.#poked) return
    this.#poked = true
    // If it is lost, the next look comes within BLOCK_MS. It is not left behind by a process that dies now.
    const poke = this.#commands
      .multi()
      .zadd(this.#key, 0, 'again')
      .pexpire(this.#key, 2 * BLOCK_MS)
      .exec()
    void poke.catch(() => (this.#poked = false))
  }

  end(): void {
    this.#ending.abort()
    this.#client.disconnect()
  }
}

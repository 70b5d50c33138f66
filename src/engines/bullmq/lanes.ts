import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Priority } from '../../core/task.ts'
import type { Backend } from './backend.ts'
import { Lane, type LaneOptions } from './lane.ts'
import type { Settings } from './options.ts'

/** Whose turn it is when several wait: four high for two normal for one low, as in the in-process engine. */
const TURNS: readonly Priority[] = ['high', 'high', 'normal', 'high', 'low', 'high', 'normal']

/** Task names may have characters that BullMQ uses for itself; `@` is none that stays. */
const nameOf = (label: string, priority: Priority): string =>
  encodeURIComponent(label.toWellFormed()) + (priority === 'normal' ? '' : `@${priority}`)

function partsOf(name: string): Pick<Lane, 'label' | 'priority'> {
  const [label = '', priority] = name.split('@')
  return { label: decodeURIComponent(label), priority: priority === 'high' || priority === 'low' ? priority : 'normal' }
}

/** The queues that there are. Which ones is in Redis, since a worker knows no names of tasks. */
export class Lanes {
  /** The set of their names, and what is woken when one is new. */
  readonly key: string
  readonly newsKey: string
  readonly #queue: string
  readonly #backendOf: (queue: string) => Backend
  readonly #options: LaneOptions
  readonly #byName = new Map<string, Lane>()
  readonly #byPriority: Record<Priority, Lane[]> = { high: [], normal: [], low: [] }
  #turn = 0
  #passedOn = ''

  constructor({ prefix, queue }: Settings, backendOf: (queue: string) => Backend, options: LaneOptions) {
    this.key = `${prefix}:${queue}:lanes`
    this.newsKey = `${prefix}:${queue}:news`
    this.#queue = queue
    this.#backendOf = backendOf
    this.#options = options
  }

  get all(): readonly Lane[] {
    return [...this.#byName.values()]
  }

  of(label: string, priority: Priority): Lane {
    return this.#named(nameOf(label, priority))
  }

  /** Learns of those that other processes made. */
  async refresh(client: Redis): Promise<void> {
    for (const name of await client.smembers(this.key)) this.#named(name)
  }

  /** One worker that waits hears that there is a queue more. */
  announce(client: Redis, news: string = randomUUID()): void {
    client.zadd(this.newsKey, 0, news).catch(() => {})
  }

  /** It tells the next one, until it hears the same again. */
  passOn(client: Redis, news: string): void {
    if (news === this.#passedOn) return
    this.#passedOn = news
    this.announce(client, news)
  }

  /** The next one to ask: by turns among priorities, then among labels. */
  next(closed: ReadonlySet<string>): Lane | undefined {
    for (let ahead = 0; ahead < TURNS.length; ahead++) {
      const turn = (this.#turn + ahead) % TURNS.length
      const lanes = this.#byPriority[TURNS[turn] ?? 'normal']
      const index = lanes.findIndex((lane) => lane.ripe && !closed.has(lane.label))
      const [lane] = index < 0 ? [] : lanes.splice(index, 1)
      if (!lane) continue
      lanes.push(lane)
      this.#turn = turn + 1
      return lane
    }
    return undefined
  }

  /** Whether no other one has work that may start. */
  isOnlyOne(lane: Lane, closed: ReadonlySet<string>): boolean {
    for (const other of this.#byName.values())
      if (other !== lane && other.ripe && !closed.has(other.label)) return false
    return true
  }

  #named(name: string): Lane {
    const known = this.#byName.get(name)
    if (known) return known
    const parts = partsOf(name)
    const lane = new Lane({ name, ...parts }, this.#backendOf(`${this.#queue}.${name}`), this.#options)
    this.#byName.set(name, lane)
    this.#byPriority[parts.priority].push(lane)
    return lane
  }
}

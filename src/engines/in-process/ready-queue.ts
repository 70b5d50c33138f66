import type { Envelope } from '../../core/engine.ts'
import { Fifo } from '../../core/fifo.ts'
import type { Priority } from '../../core/task.ts'

/** Whose turn it is when several wait: four high for two normal for one low, so that none starves. */
const TURNS: readonly Priority[] = ['high', 'high', 'normal', 'high', 'low', 'high', 'normal']
const BY_PRIORITY: readonly Priority[] = ['high', 'normal', 'low']

/** First in, first out within a priority. */
class PriorityQueue {
  readonly #queues = { high: new Fifo<Envelope>(), normal: new Fifo<Envelope>(), low: new Fifo<Envelope>() }
  #turn = 0
  size = 0

  push(envelope: Envelope): void {
    this.#queues[envelope.priority ?? 'normal'].push(envelope)
    this.size++
  }

  shift(): Envelope | undefined {
    if (this.size === 0) return undefined
    this.size--
    const { high, normal, low } = this.#queues
    if (high.size + low.size === 0) return normal.shift()
    const turn = TURNS[this.#turn++ % TURNS.length]
    const queue = turn && this.#queues[turn].size > 0 ? turn : BY_PRIORITY.find((one) => this.#queues[one].size > 0)
    return queue && this.#queues[queue].shift()
  }

  remove(is: (envelope: Envelope) => boolean): boolean {
    const removed = BY_PRIORITY.some((priority) => this.#queues[priority].remove(is))
    if (removed) this.size--
    return removed
  }

  /** The next of each priority. */
  peek(): readonly Envelope[] {
    return BY_PRIORITY.flatMap((priority) => this.#queues[priority].first ?? [])
  }

  clear(): readonly Envelope[] {
    this.size = 0
    return BY_PRIORITY.flatMap((priority) => this.#queues[priority].clear())
  }
}

/**
 * Tasks that are ready to run. Those of a closed label wait aside, in a queue of their own, so that a paused or saturated
 * task costs the others nothing, however many of it wait.
 */
export class ReadyQueue {
  readonly #open = new PriorityQueue()
  readonly #aside = new Map<string, PriorityQueue>()
  #turn = 0
  size = 0

  push(envelope: Envelope): void {
    this.size++
    const aside = this.#aside.size > 0 ? this.#aside.get(envelope.record.label) : undefined
    ;(aside ?? this.#open).push(envelope)
  }

  /** The next whose label is not closed. */
  shift(closed: ReadonlySet<string>): Envelope | undefined {
    const envelope = (this.#aside.size > 0 && this.#shiftAside(closed)) || this.#shiftOpen(closed)
    if (envelope) this.size--
    return envelope
  }

  remove(id: string): boolean {
    const is = ({ record }: Envelope) => record.id === id
    const removed = this.#open.remove(is) || [...this.#aside.values()].some((aside) => aside.remove(is))
    if (removed) this.size--
    return removed
  }

  /** The oldest of all that may not be next, but has waited longest. */
  get oldest(): Envelope | undefined {
    const fronts = [this.#open, ...this.#aside.values()].flatMap((queue) => queue.peek())
    return fronts.reduce<Envelope | undefined>((old, one) => (old && old.addedAt <= one.addedAt ? old : one), undefined)
  }

  clear(): readonly Envelope[] {
    const left = [...this.#open.clear(), ...[...this.#aside.values()].flatMap((aside) => aside.clear())]
    this.#aside.clear()
    this.size = 0
    return left
  }

  /** From a queue aside whose label is open again, if its turn has come: by priority, then by age, and every fourth time anyway. */
  #shiftAside(closed: ReadonlySet<string>): Envelope | undefined {
    for (const [label, aside] of this.#aside) {
      if (closed.has(label)) continue
      if (this.#open.size > 0 && this.#turn++ % 4 !== 0 && !goesBefore(aside, this.#open)) return undefined
      const envelope = aside.shift()
      if (aside.size === 0) this.#aside.delete(label)
      if (envelope) return envelope
    }
    return undefined
  }

  #shiftOpen(closed: ReadonlySet<string>): Envelope | undefined {
    for (;;) {
      const envelope = this.#open.shift()
      if (!envelope || closed.size === 0 || !closed.has(envelope.record.label)) return envelope
      const { label } = envelope.record
      const aside = this.#aside.get(label) ?? new PriorityQueue()
      this.#aside.set(label, aside)
      aside.push(envelope)
    }
  }
}

function goesBefore(one: PriorityQueue, other: PriorityQueue): boolean {
  const [a] = one.peek()
  const [b] = other.peek()
  if (!a || !b) return a !== undefined
  const rank = ({ priority = 'normal' }: Envelope) => BY_PRIORITY.indexOf(priority)
  return rank(a) < rank(b) || (rank(a) === rank(b) && a.addedAt <= b.addedAt)
}

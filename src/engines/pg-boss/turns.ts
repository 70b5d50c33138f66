import { RANK } from './job.ts'

type Range = { readonly minPriority?: number; readonly maxPriority?: number }

/** Whatever is highest; what is normal; what is low. */
const HIGH: Range = {}
const NORMAL: Range = { minPriority: RANK.normal, maxPriority: RANK.normal }
const LOW: Range = { maxPriority: RANK.low }

/** As the in-process engine: four high start for two normal for one low, so that none starves. */
const TURNS: readonly Range[] = [HIGH, HIGH, NORMAL, HIGH, LOW, HIGH, NORMAL]

const MOST_FETCHED = 100

/** How many to fetch next, and of which priority. */
export class FetchTurns {
  #turn = 0
  #backlog = false
  /** Fewer once a fetch brought what could not start, such as a hundred of a task that may run once at a time. */
  #most = MOST_FETCHED

  /** In this order, until there are enough. Only where more waits than is fetched is there a turn to take. */
  ranges(): readonly Range[] {
    const own = this.#backlog ? TURNS[this.#turn++ % TURNS.length] : HIGH
    return own && own !== HIGH ? [own, HIGH] : [HIGH]
  }

  size(room: number): number {
    return Math.min(room, this.#most)
  }

  fetched(asked: number, got: number, started: number): void {
    this.#backlog = got === asked
    if (started < got) this.#most = Math.max(1, started)
    else if (this.#backlog) this.#most = Math.min(MOST_FETCHED, this.#most * 2)
  }
}

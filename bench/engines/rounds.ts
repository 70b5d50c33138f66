import type { Ended, Engine, EngineHost, Envelope } from '../../src/core/engine.ts'
import { completed, envelope } from '../../src/testing/engine-conformance/bench.ts'
import type { Contender } from '../measure.ts'
import type { RawLibrary } from './subjects.ts'

export interface Round {
  readonly tasks: number
  readonly batch: number
  readonly concurrency: number
}

/** Resolves once it was called so often. */
class Countdown {
  #left = 0
  #done = (): void => {}

  from(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => (this.#done = resolve))
  }

  tick(): void {
    if (--this.#left === 0) this.#done()
  }
}

async function addAll({ tasks, batch }: Round, add: (size: number) => Promise<unknown>): Promise<void> {
  for (let left = tasks; left > 0; left -= batch) await add(Math.min(batch, left))
}

const listOf = <T>(length: number, make: () => T): T[] => Array.from({ length }, make)
const handler = (): Promise<void> => Promise.resolve()

/** Adds what a round has, batch by batch, while it is worked on; ends when all of it has run. */
export async function ours(engine: Engine, round: Round): Promise<Contender> {
  const countdown = new Countdown()
  let running = 0
  const run = async (task: Envelope, ended: Ended): Promise<void> => {
    running++
    await handler()
    running--
    ended(task, completed)
    countdown.tick()
  }
  const host: EngineHost = {
    consume: true,
    closed: new Set(),
    room: () => round.concurrency - running,
    run: (task, ended) => void run(task, ended),
    report(event) {
      throw new Error(`${event.type}: a round that is disturbed measures nothing`)
    },
  }
  await engine.start(host)
  return {
    name: engine.name,
    async run() {
      const all = countdown.from(round.tasks)
      await addAll(round, async (size) => engine.enqueue(listOf(size, () => envelope())))
      await all
    },
  }
}

export async function theirs(raw: RawLibrary, round: Round): Promise<Contender> {
  const countdown = new Countdown()
  await raw.work(async () => {
    await handler()
    countdown.tick()
  }, round.concurrency)
  // As large as what ours stores.
  const input = JSON.parse(JSON.stringify(envelope())) as object
  return {
    name: 'raw',
    async run() {
      const all = countdown.from(round.tasks)
      await addAll(round, (size) => raw.add(listOf(size, () => input)))
      await all
    },
  }
}

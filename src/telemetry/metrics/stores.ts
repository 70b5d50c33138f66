import type { EngineStats } from '../../core/engine.ts'

/** A durable engine, as far as it is counted. */
export interface StoreSource {
  readonly name: string
  stats(): EngineStats | Promise<EngineStats>
}

/** Collections that come closer than this share an answer: counting a store costs it something. */
const FRESH_MS = 1_000
/** A store that does not answer must not hold up all other metrics. */
const LIMIT_MS = 1_000

interface Asked {
  readonly at: number
  readonly answer: Promise<EngineStats | undefined>
}

/** What stores say of themselves, asked at each collection. One that is away, or slow, has no values for that long. */
export class Stores {
  readonly #asked = new WeakMap<StoreSource, Asked>()

  async look(stores: readonly StoreSource[]): Promise<readonly (readonly [name: string, stats: EngineStats])[]> {
    const answers = await Promise.all(stores.map(async (store) => [store.name, await this.#ask(store)] as const))
    return answers.flatMap(([name, stats]) => (stats ? [[name, stats] as const] : []))
  }

  #ask(store: StoreSource): Promise<EngineStats | undefined> {
    const known = this.#asked.get(store)
    const now = performance.now()
    if (known && now - known.at < FRESH_MS) return known.answer
    const answer = answerOf(store)
    this.#asked.set(store, { at: now, answer })
    return answer
  }
}

async function answerOf(store: StoreSource): Promise<EngineStats | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), LIMIT_MS)
  try {
    return await Promise.race([store.stats(), late.promise])
  } catch {
    // It is not open yet, or away: the engine reports that itself.
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

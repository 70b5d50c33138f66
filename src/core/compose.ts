import { NextError } from './errors.ts'
import type { MaybePromise } from './task.ts'

export type Layer<T> = (value: T, next: () => Promise<void>) => MaybePromise<void>

/**
 * The onion: `layers` from the outside in, round `innermost`. It behaves the same in development and production.
 * Calling `next()` twice, or returning while what `next()` started still runs, is a `NextError`; in the second case only
 * after that work ended, so that nothing of an attempt outlives it.
 */
export function compose<T>(
  layers: readonly Layer<T>[],
  innermost: (value: T) => MaybePromise<void>,
): (value: T) => MaybePromise<void> {
  if (layers.length === 0) return innermost
  return (value) => enter(0, value)

  async function enter(index: number, value: T): Promise<void> {
    const layer = layers[index]
    if (!layer) return innermost(value)
    let below: Promise<void> | undefined
    let running = false
    let twice: NextError | undefined
    const ended = () => {
      running = false
    }
    const next = () => {
      if (below) {
        twice = new NextError(`${nameOf(layer)} called next() twice; an attempt runs once`)
        const refused = Promise.reject(twice)
        refused.catch(() => undefined)
        return refused
      }
      running = true
      below = enter(index + 1, value)
      below.then(ended, ended)
      return below
    }
    try {
      await layer(value, next)
    } catch (thrown) {
      if (running) await below?.catch(() => undefined)
      throw thrown
    }
    if (twice) throw twice
    if (!running) return
    await below
    throw new NextError(`${nameOf(layer)} returned before the next() it called had ended; await it`)
  }
}

const nameOf = (layer: { readonly name: string }): string => `work middleware ${layer.name || '(anonymous)'}`

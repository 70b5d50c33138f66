import { describe, expect, test } from '@jest/globals'
import { inProcess } from 'koa-afterglow'
import { engineConformance, memoryEngine, MemoryStore } from 'koa-afterglow/testing'

describe('inProcess() keeps the law of engines: it', () => {
  test.each(engineConformance({ make: () => inProcess() }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

describe('memoryEngine() keeps the law of engines: it', () => {
  const stores = new Map<string, MemoryStore>()
  const storeOf = (name: string): MemoryStore => {
    const store = stores.get(name) ?? new MemoryStore()
    stores.set(name, store)
    return store
  }

  test.each(engineConformance({ make: (name) => memoryEngine({ store: storeOf(name) }) }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

// What bullmq() decides without a Redis; the rest is in test/integration.
import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { bullmq, type BullmqOptions } from 'koa-afterglow/bullmq'
import type { EngineEvent, EngineHost, Envelope } from 'koa-afterglow'
import type { Backend } from '../../src/engines/bullmq/backend.ts'
import { Claims } from '../../src/engines/bullmq/claims.ts'
import { loadPeer } from '../../src/engines/bullmq/connections.ts'
import { lossesOf } from '../../src/engines/bullmq/durability.ts'
import { InOrder } from '../../src/engines/bullmq/in-order.ts'
import { Lanes } from '../../src/engines/bullmq/lanes.ts'
import type { Store } from '../../src/engines/bullmq/store.ts'
import { resolveOptions } from '../../src/engines/bullmq/options.ts'

const connection = 'redis://localhost'

const lanesWith = (): Lanes =>
  new Lanes(resolveOptions({ connection }), () => ({}) as Backend, { worker: 'w', keepEndedMs: 1, newToken: () => '' })

describe('bullmq()', () => {
  test.each<readonly [string, Partial<BullmqOptions>]>([
    ['connection', { connection: '' }],
    ['connection', { connection: undefined as unknown as string }],
    ['Cluster', { connection: { isCluster: true } as object }],
    ['keyPrefix', { connection: { keyPrefix: 'mine:' } }],
    ['queue', { queue: 'a:b' }],
    ['queue', { queue: 'q'.repeat(51) }],
    ['prefix', { prefix: 'with space' }],
    ['claimTimeoutMs', { claimTimeoutMs: 999 }],
    ['claimTimeoutMs', { claimTimeoutMs: Number.NaN }],
    ['commandTimeoutMs', { commandTimeoutMs: Infinity }],
    ['keepEndedMs', { keepEndedMs: 60_001 }],
  ])('refuses what `%s` cannot be, and says why', (what, options) => {
    const make = () => bullmq({ connection, ...options })
    expect(make).toThrow(what)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_AFTERGLOW_INVALID_OPTION' }))
  })

  test('says how to install what is missing', () => {
    const missing = () => loadPeer('afterglow-no-such-package')
    expect(missing).toThrow('npm install bullmq ioredis')
    expect(missing).toThrow(expect.objectContaining({ code: 'ERR_AFTERGLOW_MISSING_PACKAGE' }))
  })

  test('is not usable before it started, and says so', async () => {
    const engine = bullmq({ connection })
    await expect(engine.enqueue([])).rejects.toThrow('not started')
    expect(() => engine.stats()).toThrow('not started')
    expect(await engine.stop({ deadlineMs: 0 })).toEqual([])
  })

  test('finds no fault with a Redis that appends and evicts nothing, and one with any other', () => {
    const good = { version: '7.0.15', appendonly: true, appendfsync: 'everysec', policy: 'noeviction' }
    expect(lossesOf(good)).toEqual([])
    expect(lossesOf({ ...good, appendfsync: undefined })).toEqual([])
    expect(lossesOf({ ...good, appendonly: false, policy: 'allkeys-lru' })).toHaveLength(2)
    expect(lossesOf({ ...good, appendonly: undefined, policy: undefined })).toHaveLength(2)
  })
})

describe('the queues of bullmq()', () => {
  const label = fc.string({ unit: 'binary', minLength: 1 })

  test('are one per label and priority, with names that BullMQ takes and that say both', () => {
    const lanes = lanesWith()
    fc.assert(
      fc.property(label, fc.constantFrom('low', 'normal', 'high'), (text, priority) => {
        const lane = lanes.of(text, priority)
        expect(lane.name).not.toContain(':')
        expect([lane.label, lane.priority]).toEqual([text, priority])
        expect(lanes.of(text, priority)).toBe(lane)
      }),
    )
  })

  test('get their turns: a closed one or one without work is passed over, and none is left out', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.nat(5).map(String), fc.constantFrom('low', 'normal', 'high')), {
          selector: String,
          minLength: 1,
        }),
        fc.nat(5).map(String),
        (named, closed) => {
          const lanes = lanesWith()
          for (const [text, priority] of named) lanes.of(text, priority)
          const open = lanes.all.filter((lane) => lane.label !== closed)
          // Seven turns give each priority one; each round of them gives one lane of it another.
          const got = Array.from({ length: 7 * named.length }, () => lanes.next(new Set([closed])))
          expect(new Set(got)).toEqual(new Set(open.length > 0 ? open : [undefined]))
          for (const lane of lanes.all) lane.ripe = false
          expect(lanes.next(new Set())).toBeUndefined()
        },
      ),
    )
  })
})

describe('what bullmq() asks for', () => {
  test('comes in the order of the questions, in whichever they are answered', () => {
    const asked = fc.array(fc.string(), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        asked.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray([...all.keys()], { minLength: all.length })),
        ),
        ([all, answered]) => {
          const taken: string[] = []
          const order = new InOrder<string>()
          const answers = all.map(() => order.ask((answer) => void taken.push(answer)))
          for (const [at, index] of answered.entries()) {
            answers[index]?.(all[index] ?? '')
            const open = answered.slice(at + 1)
            // All before the first that is not answered, and no other.
            expect(taken).toEqual(all.slice(0, Math.min(all.length, ...open)))
            expect(order.size).toBe(all.length - taken.length)
          }
        },
      ),
    )
  })
})

describe('a claim that bullmq() got as it stopped', () => {
  test('is given back once, and not for ever once the connection is closed', async () => {
    const events: EngineEvent[] = []
    const told = Promise.withResolvers<void>()
    const report: EngineHost['report'] = (event) => {
      events.push(event)
      told.resolve()
    }
    const host = { consume: true, run: () => undefined, room: () => 1, closed: new Set<string>(), report }
    const claims = new Claims({} as Store, host)
    claims.abandon()
    const lane = lanesWith().of('task', 'normal')
    let tries = 0
    lane.store = () => {
      tries++
      return Promise.reject(new Error('Connection is closed.'))
    }
    const envelope = { record: { id: 'a' } } as unknown as Envelope
    claims.giveBack({ lane, envelope, token: 't', lostClaims: 0 })
    await told.promise
    // Each further try would be due in the turn after the last.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(tries).toBe(1)
    expect(events).toMatchObject([{ type: 'ack_failed' }])
    await claims.drained(0)
  })
})

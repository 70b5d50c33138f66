import { describe, expect, test } from '@jest/globals'
import { pgBoss, type PgBossOptions } from 'koa-afterglow/pg-boss'
import { dbOf } from '../../../src/engines/pg-boss/transaction.ts'

const connectionString = 'postgres://localhost/app'

test.each<[string, unknown, string]>([
  ['nothing', {}, 'say where tasks are kept'],
  ['two stores', { pglite: './data', connectionString }, 'not both'],
  ['a URL for a folder', { pglite: 'memory://' }, 'a folder or an open database'],
  ['a schema that has to be quoted', { connectionString, schema: 'My-Schema' }, '`schema`'],
  ['a queue with a quote', { connectionString, queue: "a'b" }, '`queue`'],
  ['a queue without a name', { connectionString, queue: '' }, '`queue`'],
  ['part of a second', { connectionString, claimTimeoutMs: 10_500 }, '`claimTimeoutMs` is whole seconds, 10 or more'],
  ['a claim that is over at once', { connectionString, claimTimeoutMs: 1_000 }, '`claimTimeoutMs`'],
  ['polling all the time', { connectionString, pollMs: 0 }, '`pollMs` is 10 milliseconds or more'],
  ['no time for a statement', { connectionString, statementTimeoutMs: 0 }, '`statementTimeoutMs`'],
  ['no connection', { connectionString, pool: { max: 0 } }, '`pool.max`'],
])('%s is refused', (_, options, message) => {
  expect(() => pgBoss(options as PgBossOptions)).toThrow(message)
  expect(() => pgBoss(options as PgBossOptions)).toThrow(
    expect.objectContaining({ code: 'ERR_AFTERGLOW_INVALID_OPTION' }),
  )
})

test('it says what it can do before it starts, and opens nothing', () => {
  const { capabilities } = pgBoss({ connectionString, pollMs: 2_000 })
  expect(capabilities).toEqual({ durable: true, delay: true, priority: true, transaction: true, lateByMs: 2_000 })
})

test('an add before the start is refused', async () => {
  await expect(pgBoss({ connectionString }).enqueue([])).rejects.toThrow('not started')
})

describe('as a transaction', () => {
  test.each([
    ['a pool', { query: () => {}, totalCount: 1 }, 'is a pool'],
    ['an object of no known kind', { begin: 1 }, 'not an object with begin'],
    ['a drizzle transaction without its `sql`', { execute: () => {}, rollback: () => {} }, 'fromDrizzle(tx, sql)'],
    ['true', true, 'not true'],
  ])('%s is refused', async (_, transaction, message) => {
    await expect(dbOf(transaction)).rejects.toThrow(message)
  })
})

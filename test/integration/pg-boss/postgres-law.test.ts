// The law of engines on pg-boss in a real PostgreSQL.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { pgBoss, type PostgresOptions } from 'koa-afterglow/pg-boss'
import { engineConformance } from 'koa-afterglow/testing'
import { killOnceReady } from '../../support/kill.ts'
import { loseClaim } from '../../support/pg-boss.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres.ts'
import { tcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'

jest.setTimeout(60_000)

let server: PostgresServer
let wire: TcpProxy

beforeAll(async () => {
  server = await startPostgres()
  wire = await tcpProxy(server.port)
})
afterAll(async () => {
  await wire.close()
  await server.stop()
})

// The cases are named before the server is there.
const optionsOf = (queue: string): PostgresOptions => ({
  connectionString: `postgres://postgres:postgres@127.0.0.1:${wire?.port ?? 1}/postgres`,
  queue,
  claimTimeoutMs: 10_000,
})
const cases = engineConformance({
  make: (queue) => pgBoss(optionsOf(queue)),
  cutOff: () => {
    wire.cut()
    return Promise.resolve(() => Promise.resolve(wire.heal()))
  },
  loseClaim: (queue, id) => loseClaim((text, values) => server.query(text, values), queue, id),
  crash: (queue, plan) =>
    killOnceReady('engine-crash-child.ts', 'pg-boss', JSON.stringify(optionsOf(queue)), JSON.stringify(plan)),
  recoveryMs: 40_000,
})

describe('pg-boss on PostgreSQL keeps the law of engines: it', () => {
  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})

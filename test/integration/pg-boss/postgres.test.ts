// What the law of engines leaves to this engine: transactions, several workers, other versions, what a server can refuse.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { fromKnex, PgBoss } from 'pg-boss'
import { pgBoss, type PostgresOptions } from 'koa-afterglow/pg-boss'
import { envelope, idsOf, type Worker } from '../../../src/testing/engine-conformance/bench.ts'
import { Workers } from '../../support/engine-workers.ts'
import { startPostgres, type PostgresServer } from '../../support/postgres.ts'

jest.setTimeout(60_000)

let server: PostgresServer
let queue: string
const workers = new Workers()

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
afterEach(() => workers.stop())

const engine = (options: PostgresOptions = {}) => {
  queue = options.queue ?? `q${randomBytes(4).toString('hex')}`
  return pgBoss({ connectionString: server.connectionString, queue, ...options })
}
const isEmpty = async (worker: Worker) => String(await worker.counts()) === '0,0,0'

describe("the caller's own transaction", () => {
  async function inTransaction(
    end: 'COMMIT' | 'ROLLBACK',
    wrap = (client: pg.Client): unknown => client,
  ): Promise<Worker> {
    const worker = await workers.start(engine({ pollMs: 60_000 }))
    const client = new pg.Client({ connectionString: server.connectionString })
    await client.connect()
    try {
      await client.query('CREATE TABLE IF NOT EXISTS orders (id int); BEGIN; INSERT INTO orders VALUES (1)')
      await worker.engine.enqueue([envelope(), envelope()], { transaction: wrap(client) })
      expect(await worker.counts()).toEqual([0, 0, 0])
      await client.query(end)
    } finally {
      await client.end()
    }
    return worker
  }

  test('after its rollback there is nothing', async () => {
    const worker = await inTransaction('ROLLBACK')
    expect(await worker.counts()).toEqual([0, 0, 0])
    expect(await server.query('SELECT id FROM pgboss.job WHERE name = $1', [queue])).toEqual([])
  })

  test('after its commit all of it runs, and the worker is told and need not look', async () => {
    const worker = await inTransaction('COMMIT')
    await expect(worker.ran(2)).resolves.toBeUndefined()
  })

  test('an adapter of pg-boss does as well', async () => {
    // As Knex calls a transaction: `raw` with question marks.
    const raw = (client: pg.Client) => ({
      raw: (text: string, values: unknown[] = []) => {
        let at = 0
        return client.query(
          text.replaceAll('?', () => `$${++at}`),
          values,
        )
      },
    })
    const worker = await inTransaction('COMMIT', (client) => fromKnex(raw(client) as never))
    await expect(worker.ran(2)).resolves.toBeUndefined()
  })
})

test('several workers share what there is, and none runs twice', async () => {
  const one = await workers.start(engine(), { concurrency: 5 })
  const others = [engine({ queue }), engine({ queue })]
  const all = [one, ...(await Promise.all(others.map((other) => workers.start(other, { concurrency: 5 }))))]
  const sent = Array.from({ length: 200 }, () => envelope())
  await one.engine.enqueue(sent)
  await one.until('all ended', () => isEmpty(one))
  const ran = all.flatMap((worker) => worker.ids)
  expect(ran.toSorted()).toEqual(idsOf(...sent).toSorted())
})

test('a worker that is told is not told by looking', async () => {
  const worker = await workers.start(engine({ pollMs: 60_000 }))
  const adds = await workers.start(engine({ queue, pollMs: 60_000 }), { consume: false })
  await adds.engine.enqueue([envelope()])
  await expect(worker.ran(1)).resolves.toBeUndefined()
})

test('a task that another worker runs is cancelled under its hands', async () => {
  const worker = await workers.start(engine({ claimTimeoutMs: 10_000 }), { hold: true })
  const other = await workers.start(engine({ queue }), { consume: false })
  const sent = envelope()
  await other.engine.enqueue([sent])
  await worker.ran(1)
  expect(await worker.engine.cancel(sent.record.id, 'its own core aborts it')).toBe('running')
  expect(await other.engine.cancel(sent.record.id, 'test')).toBe('running')
  expect(await other.engine.cancel(sent.record.id, 'again')).toBe('unknown')
  await worker.until('it notices', () => worker.told.includes('claim_lost'))
  worker.end(sent)
  expect(await worker.counts()).toEqual([0, 0, 0])
})

test('without notifications it looks', async () => {
  const worker = await workers.start(engine({ notify: false, pollMs: 50 }))
  const adds = await workers.start(engine({ queue, notify: false }), { consume: false })
  await adds.engine.enqueue([envelope()])
  await expect(worker.ran(1)).resolves.toBeUndefined()
})

test('what a newer version stored is kept as it is, and reported', async () => {
  const worker = await workers.start(engine())
  const boss = new PgBoss({ connectionString: server.connectionString, supervise: false })
  await boss.start()
  await boss.send(queue, { v: 2, of: 'tomorrow' }, { group: { id: 'task' } })
  await boss.stop({ graceful: false })
  await worker.until('it is reported', () => worker.told.includes('engine_error'))
  expect(String(worker.events.map((event) => 'error' in event && event.error.message))).toMatch('cannot read')
  await worker.until('it waits', async () => String(await worker.counts()) === '0,1,0')
  const [row] = await server.query('SELECT data, group_id FROM pgboss.job WHERE name = $1', [queue])
  expect(row).toEqual({ data: { v: 2, of: 'tomorrow' }, group_id: 'task' })
  expect(worker.runs).toEqual([])
})

test('a queue of another kind is refused', async () => {
  const boss = new PgBoss({ connectionString: server.connectionString, supervise: false })
  await boss.start()
  await boss.createQueue('theirs', { policy: 'singleton' })
  await boss.stop({ graceful: false })
  await expect(workers.start(engine({ queue: 'theirs' }))).rejects.toThrow("policy 'singleton'")
})

test('a queue that was set up otherwise is set up anew by who works, and by nobody else', async () => {
  await workers.start(engine({ claimTimeoutMs: 10_000 }))
  await workers.start(engine({ queue, claimTimeoutMs: 20_000, keepEndedMs: 60_000 }))
  await workers.start(engine({ queue, notify: false }), { consume: false })
  const [row] = await server.query(
    'SELECT heartbeat_seconds, deletion_seconds, retry_limit, notify FROM pgboss.queue WHERE name = $1',
    [queue],
  )
  expect(row).toEqual({ heartbeat_seconds: 20, deletion_seconds: 60, retry_limit: 2_147_483_647, notify: true })
})

test('a bulkhead in front of a backlog costs no turmoil: what cannot start stays where it is', async () => {
  const worker = await workers.start(engine(), { concurrency: 0 })
  const sent = Array.from({ length: 50 }, () => envelope())
  await worker.engine.enqueue(sent)
  const open = (): void => {
    worker.closed.clear()
    worker.engine.wake()
  }
  const run = worker.run
  Object.assign(worker, {
    run: (...args: Parameters<typeof run>) => {
      worker.closed.add('task')
      run(...args)
      setImmediate(open)
    },
  })
  worker.admit(50)
  await worker.ran(50)
  const rows = await server.query('SELECT group_tier::int AS times FROM pgboss.job WHERE name = $1', [queue])
  const putBack = rows.reduce((sum, row) => sum + Number(row['times'] ?? 0), 0)
  // The first fetch brings them all; the ones after it bring what starts, and now and then one more.
  expect(putBack).toBeLessThan(49 + 50)
})

describe('what a server refuses is said in words', () => {
  test('a database that is read-only', async () => {
    const worker = await workers.start(engine({ pool: { max: 1 } }), { consume: false })
    await server.query('ALTER DATABASE postgres SET default_transaction_read_only = on')
    try {
      await server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koa-afterglow'",
      )
      const adding = () => worker.engine.enqueue([envelope()])
      // The first statement on a connection that was cut says that it was.
      await Promise.resolve(adding()).catch(() => {})
      await expect(adding()).rejects.toThrow('the store is read-only')
    } finally {
      const client = new pg.Client({ connectionString: server.connectionString })
      await client.connect()
      await client.query('SET default_transaction_read_only = off')
      await client.query('ALTER DATABASE postgres RESET default_transaction_read_only')
      await client.end()
    }
  })

  test.each([
    ['a wrong password', (url: string) => url.replace('postgres:postgres', 'postgres:wrong'), 'refuses the password'],
    ['no such database', (url: string) => url.replace(/\/postgres$/, '/nowhere'), 'no such database'],
  ])('%s ends the start', async (_, change, message) => {
    const starting = workers.start(engine({ connectionString: change(server.connectionString) }))
    await expect(starting).rejects.toThrow(message)
  })

  test('tables that are not there, where it may not make them', async () => {
    const starting = workers.start(engine({ schema: 'unmade', migrate: false }))
    await expect(starting).rejects.toThrow(/pg-boss/i)
  })
})

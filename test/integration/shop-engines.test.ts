import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { root, Started, type Ended } from '../support/otel-process.ts'
import { startPostgres, type PostgresServer } from '../support/postgres.ts'
import { describeWithRedis, RedisServer } from '../support/redis.ts'

jest.setTimeout(240_000)
/** For a machine that does much else. */
const LIMIT_MS = 90_000

const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts
const started: Started[] = []
afterEach(() => {
  for (const process of started.splice(0)) process.kill()
})

/** What `npm start -- ...` and `npm run worker -- ...` run. */
function run(
  script: 'start' | 'worker',
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Started {
  const args = [...(scripts[script] ?? '').split(' ').slice(1), ...flags]
  const process = new Started(args, { PORT: '0', OTEL_SDK_DISABLED: 'true', ...env }, { limitMs: LIMIT_MS })
  started.push(process)
  return process
}

async function shop(flags: readonly string[], env?: Readonly<Record<string, string>>) {
  const process = run('start', flags, env)
  const [, url = ''] = await process.says('stdout', /(http:\/\/localhost:\d+)/, LIMIT_MS)
  return { process, url, order: () => fetch(`${url}/order`, { method: 'POST' }) }
}

/** `npx koa-afterglow dead ...` */
function dead(store: string, ...args: readonly string[]): Promise<Ended> {
  const process = new Started(['src/cli/main.ts', 'dead', ...args, '--store', store], {}, { limitMs: LIMIT_MS })
  started.push(process)
  return process.ends()
}

interface Kind {
  readonly engine: string
  readonly url: () => string
  /** Whether one process at a time has the store. */
  readonly embedded?: true
}

function holds({ engine, url, embedded }: Kind): void {
  const flags = () => ['--engine', engine, '--url', url()]

  test('an order that was answered is confirmed although the process was killed at once', async () => {
    const first = await shop(flags(), { MAIL_HANGS: '1' })
    expect((await first.order()).status).toBe(200)
    await first.process.ends('SIGKILL')
    // What the killed one had begun, others take only once its claim has run out; that is tried elsewhere.
    const second = await shop(flags())
    if (!embedded) expect((await second.order()).status).toBe(200)
    await second.process.says('stdout', /"send-order-confirmation".*"task completed"/, LIMIT_MS)
    expect((await second.process.ends('SIGTERM')).code).toBe(0)
  })

  test('what fails for good is kept, listed, retried and discarded by the command line', async () => {
    const one = await shop(flags())
    expect((await fetch(`${one.url}/failing-task`)).status).toBe(200)
    await one.process.says('stdout', /"update-search-index".*"task failed"/, LIMIT_MS)
    const kept = async () => (await (await fetch(`${one.url}/dead`)).json()) as { id: string; name: string }[]
    // Kept in the transaction that ends it, which is after its line.
    let all = await kept()
    while (all.length === 0) all = await kept()
    const [{ id } = { id: '' }] = all.filter(({ name }) => name === 'update-search-index')
    // An embedded store is one process's at a time.
    if (embedded) {
      expect(await dead(url())).toMatchObject({ code: 1, stderr: expect.stringContaining('is held by process') })
      await one.process.ends('SIGTERM')
    }
    const listed = await dead(url(), '--task', 'update-search-index')
    expect(listed).toMatchObject({ code: 0, stderr: '' })
    expect(listed.stdout).toMatch(/^update-search-index {2}failed after 1 attempt, \d+ s ago {2}GET \/failing-task\n/)
    expect(listed.stdout).toContain(`SearchIndexError: could not index 'lamp'`)
    expect(listed.stdout).toContain(id)
    expect(JSON.parse((await dead(url(), 'list', '--json')).stdout)).toContainEqual(
      expect.objectContaining({ id, note: expect.objectContaining({ outcome: 'failed', attempts: 1 }) }),
    )
    expect(await dead(url(), 'retry', id)).toMatchObject({ code: 0, stdout: '1 task runs again\n' })
    // It fails again, so it is there again.
    const two = embedded ? await shop(flags()) : one
    await two.process.says('stdout', new RegExp(`task failed[^]*${id}[^]*task failed|${id}[^]*task failed`), LIMIT_MS)
    await two.process.ends('SIGTERM')
    const again = JSON.parse((await dead(url(), '--json', '--task', 'update-search-index')).stdout) as { id: string }[]
    expect(again.map((task) => task.id)).toContain(id)
    expect(await dead(url(), 'discard', '--all')).toMatchObject({ code: 0, stdout: expect.stringMatching(/discarded/) })
    expect(await dead(url())).toMatchObject({ code: 0, stdout: 'No dead tasks.\n' })
    expect(await dead(url(), 'retry', id)).toMatchObject({ code: 1, stderr: `koa-afterglow: '${id}' is not dead\n` })
  })

  if (embedded) return
  test('a process that only answers leaves them to a worker without HTTP', async () => {
    const { order, process: web } = await shop(flags(), { CONSUME: '0' })
    expect((await order()).status).toBe(200)
    const worker = run('worker', flags())
    await worker.says('stdout', /"worker is at work"/, LIMIT_MS)
    await worker.says(
      'stdout',
      /"send-order-confirmation".*"task completed".*|"task completed".*"send-order-confirmation"/,
      LIMIT_MS,
    )
    const [line = ''] =
      /.*"send-order-confirmation".*"task completed".*/.exec((await worker.ends('SIGTERM')).stdout) ?? []
    expect(JSON.parse(line)).toMatchObject({ 'afterglow.request.route': '/order', 'afterglow.task.attempt': 1 })
    expect((await web.ends('SIGTERM')).code).toBe(0)
  })
}

describe('the shop on an embedded store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'afterglow-shop-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  holds({ engine: 'pglite', url: () => join(folder, 'store'), embedded: true })

  test('a second process says who has it, in one line', async () => {
    const { process: first } = await shop(['--engine', 'pglite', '--url', join(folder, 'other')])
    const { code, stderr } = await run('start', ['--engine', 'pglite', '--url', join(folder, 'other')]).ends()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^shop cannot start: .*is held by process \d+/m)
    await first.ends('SIGTERM')
  })
})

describe('the shop on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())
  holds({ engine: 'postgres', url: () => server.connectionString })
})

describeWithRedis(describe, import.meta.filename)('the shop on Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  holds({ engine: 'redis', url: () => server.url })
})

describe('koa-afterglow dead', () => {
  test.each([
    [['--store', 'postgres://postgres:nothing@127.0.0.1:1/x'], 1, /nothing listens|ECONNREFUSED/],
    [['--store', 'redis://127.0.0.1:1'], 1, /cannot connect to Redis/],
    [['--store', 'no/such/folder'], 2, /there is no store in 'no\/such\/folder'/],
    [['--store', 'mysql://x'], 2, /--store takes postgres:\/\/, redis:\/\/ or a folder, not 'mysql:\/\/x'/],
    [[], 2, /--store is missing/],
    [['retry', '--store', 'x'], 2, /retry takes IDs, or --all/],
    [['bury', '--store', 'x'], 2, /there is no 'bury'; there are list, retry and discard/],
    [['--store', 'x', '--limit', 'many'], 2, /--limit is a whole number, not 'many'/],
  ])('%j ends with %i and says why', async (args, code, says) => {
    const process = new Started(['src/cli/main.ts', 'dead', ...args], {}, { limitMs: LIMIT_MS })
    started.push(process)
    const ended = await process.ends()
    expect(ended.code).toBe(code)
    expect(ended.stderr).toMatch(says)
    expect(ended.stdout).toBe('')
    expect(existsSync(join(root, 'no'))).toBe(false)
  })
})

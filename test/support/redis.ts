// A real Redis for tests, of Debian's `redis-server`: started on a port and in a folder of its own, configured to keep what
// it acknowledges.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

type Settings = Readonly<Record<string, string>>

const KEEPS: Settings = { appendonly: 'yes', appendfsync: 'everysec', save: '', 'maxmemory-policy': 'noeviction' }

let reason: string | undefined | null = null

/** Why there is no Redis here; undefined if there is, by now. */
export function whyNoRedis(): string | undefined {
  if (reason === null) reason = install()
  return reason
}

function install(): string | undefined {
  const found = (): boolean => spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0
  if (found()) return undefined
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return 'no redis-server on PATH, and it can be installed by itself only as root on Debian'
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    // `redis-server` starts a server of its own where there is an init system; nothing here uses that one.
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env })
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
      stdio: 'ignore',
      env,
    })
  } catch (error) {
    return `redis-server could not be installed: ${String(error)}`
  }
  return found() ? undefined : 'redis-server is installed and does not run'
}

/** `describe` where there is a Redis, else a skipped one that names the reason. */
export function describeWithRedis(describe: Describe, file: string): (name: string, tests: () => void) => void {
  const why = whyNoRedis()
  // Jest prints no names of a file that is skipped whole.
  if (why !== undefined) process.stderr.write(`skipped ${relative(process.cwd(), file)}: ${why}\n`)
  return (name, tests) =>
    why === undefined ? describe(name, tests) : describe.skip(`${name} (skipped: ${why})`, tests)
}
interface Describe {
  (name: string, tests: () => void): void
  skip(name: string, tests: () => void): void
}

export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly #folder: string
  readonly #settings: Settings
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string, settings: Settings) {
    this.port = port
    this.#folder = folder
    this.#settings = settings
  }

  static async start(settings: Settings = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'afterglow-redis-')), {
      ...KEEPS,
      ...settings,
    })
    await server.up()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again after `down`, with the data it kept. */
  async up(settings: Settings = {}): Promise<void> {
    const own = { port: String(this.port), bind: '127.0.0.1', dir: this.#folder, ...this.#settings, ...settings }
    const config = Object.entries(own).map(([key, value]) => `${key} ${value === '' ? '""' : value}`)
    // Not as arguments: not every setting can be one.
    const child = spawn('redis-server', ['-'], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(config.join('\n'))
    this.#child = child
    // What ends in the middle of a test leaves none behind.
    const end = (): void => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('close', () => process.off('exit', end))
    let log = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text))
    const closed = once(child, 'close')
    while (!log.includes('Ready to accept connections')) {
      await Promise.race([once(child.stdout, 'data'), closed])
      if (child.exitCode !== null) throw new Error(`redis-server ended:\n${log}`)
    }
  }

  /** A Redis that is gone: killed by default, so that it saves nothing more. */
  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGCONT')
    child.kill(signal)
    await closed
  }

  /** A Redis that accepts and never answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

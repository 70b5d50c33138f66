// Runs the command of the application with the probe inside, until it listens; then stops it as an orchestrator would.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FOLDER_VARIABLE } from './report.ts'
import type { Report } from './report.ts'

export interface RunOptions {
  readonly command: readonly string[]
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Paths that are requested by GET once the application listens. */
  readonly requests: readonly string[]
  readonly startLimitMs: number
}

export interface Ran {
  readonly reports: readonly Report[]
  /** The end of what it wrote to stderr. */
  readonly stderr: string
  readonly listened: boolean
  readonly answers: readonly Answer[]
  readonly end: End
}
export interface Answer {
  readonly path: string
  readonly status: number | undefined
  readonly problem?: string
}
export interface End {
  /** It ended on its own, before it was told to. */
  readonly early: boolean
  /** It had to be killed. */
  readonly killed: boolean
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly ms: number
}

const LOOK_MS = 100
const QUIET_MS = 600
/** For tasks of the requests to end before the application is told to. */
const AFTER_REQUEST_MS = 1_000
const REQUEST_LIMIT_MS = 10_000
const STDERR_KEPT = 4_000
const DEFAULT_STOP_MS = 25_000
const STOP_MARGIN_MS = 5_000

/** Rejects only if the command cannot be started at all. */
export async function run(options: RunOptions): Promise<Ran> {
  const reports = mkdtempSync(join(tmpdir(), 'koa-afterglow-doctor-'))
  try {
    return await runInto(options, reports)
  } finally {
    rmSync(reports, { recursive: true, force: true })
  }
}

async function runInto(options: RunOptions, reports: string): Promise<Ran> {
  const app = new Application(options, reports)
  // The application is in a group of its own, and must not outlive doctor.
  const forward = (signal: NodeJS.Signals): void => app.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  try {
    await app.started
    const listened = await app.listens(options.startLimitMs)
    const answers = listened ? await ask(options.requests, readReports(reports)) : []
    if (answers.length > 0) await delay(AFTER_REQUEST_MS)
    const before = readReports(reports)
    const end = await app.stop(Math.max(DEFAULT_STOP_MS, ...before.map(({ shutdown }) => shutdown?.deadlineMs ?? 0)))
    return { reports: readReports(reports), stderr: app.stderr, listened, answers, end }
  } finally {
    process.removeListener('SIGINT', forward).removeListener('SIGTERM', forward)
    app.kill('SIGKILL')
  }
}

class Application {
  readonly started: Promise<void>
  stderr = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<void>
  readonly #reports: string
  #gone = false

  constructor({ command, folder, env }: RunOptions, reports: string) {
    const [file = '', ...args] = command
    this.#reports = reports
    // A group of its own: npm, and whatever else the command puts between, do not pass every signal on.
    this.#child = spawn(file, args, {
      cwd: folder,
      env: {
        ...env,
        [FOLDER_VARIABLE]: reports,
        NODE_OPTIONS: `--require=${quoted(probePath())} ${env['NODE_OPTIONS'] ?? ''}`.trim(),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: process.platform !== 'win32',
      shell: process.platform === 'win32',
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_KEPT)
    })
    this.started = new Promise((resolve, reject) => this.#child.once('spawn', resolve).once('error', reject))
    this.#closed = new Promise((resolve) => {
      this.#child.once('exit', () => {
        this.#gone = true
        resolve()
      })
    })
  }

  /**
   * False if it ends, or the time does, before any process of it listens. Of a cluster, workers join one by one: it goes on
   * until all that listen have been looked at, and no more have come for a while.
   */
  async listens(limitMs: number): Promise<boolean> {
    const limit = performance.now() + limitMs
    let [known, since] = [0, performance.now()]
    while (performance.now() < limit && !this.#gone) {
      const found = readReports(this.#reports).filter(({ listening }) => listening.length > 0)
      if (found.length !== known) [known, since] = [found.length, performance.now()]
      if (known > 0 && found.every(({ telemetry }) => telemetry) && performance.now() - since >= QUIET_MS) return true
      await Promise.race([delay(LOOK_MS), this.#closed])
    }
    return !this.#gone && known > 0
  }

  async stop(deadlineMs: number): Promise<End> {
    const early = this.#gone
    const before = performance.now()
    this.kill('SIGTERM')
    const limit = new AbortController()
    const late = delay(deadlineMs + STOP_MARGIN_MS, undefined, { signal: limit.signal }).catch(() => undefined)
    await Promise.race([this.#closed, late])
    limit.abort()
    const killed = !this.#gone
    this.kill('SIGKILL')
    await this.#closed
    const { exitCode: code, signalCode: signal } = this.#child
    return { early, killed, code, signal, ms: Math.round(performance.now() - before) }
  }

  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined || (this.#gone && signal !== 'SIGKILL')) return
    try {
      if (process.platform === 'win32') this.#child.kill(signal)
      else process.kill(-pid, signal)
    } catch {
      // Nobody of the group is left.
    }
  }
}

/**
 * By `require`, which comes before every other preload; and of the CommonJS build, since npm, when it starts the application,
 * may run on a Node that cannot require an ES module.
 */
function probePath(): string {
  const here = fileURLToPath(import.meta.url)
  const folder = dirname(here).replace(/([\\/]dist[\\/])esm([\\/])/, '$1cjs$2')
  return join(folder, `probe${extname(here)}`)
}

const quoted = (path: string): string => JSON.stringify(path)

function readReports(folder: string): Report[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report)
}

async function ask(paths: readonly string[], reports: readonly Report[]): Promise<Answer[]> {
  const port = reports.find(({ runners, listening }) => runners.length > 0 && listening.length > 0)?.listening[0]
  const answers: Answer[] = []
  for (const path of paths) answers.push(port === undefined ? { path, status: undefined } : await get(port, path))
  return answers
}

/** Not by fetch: it would keep its connections, and the application would wait for them. */
function get(port: number, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS)
    const sent = requestHttp({ host: 'localhost', port, path, agent: false, signal }, (response) => {
      response.resume().on('error', () => undefined)
      response.on('end', () => resolve({ path, status: response.statusCode }))
    })
    sent.on('error', ({ message }) => resolve({ path, status: undefined, problem: message })).end()
  })
}

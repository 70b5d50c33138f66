// Starts what test/process/otel.test.ts observes: a real Node process, with its output as a test can wait for it.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

/** Far above the 3 s that telemetry may take, far below the tens of seconds that the SDK takes if left alone. */
const LIMIT_MS = 9_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface StartOptions {
  readonly cwd?: string
  readonly limitMs?: number
  /** Whether it can be sent messages. */
  readonly ipc?: boolean
}

export class Started {
  readonly #child: ChildProcess
  readonly #output = { stdout: '', stderr: '' }
  readonly #closed: Promise<number | null>
  readonly #limitMs: number
  #woken: (() => void)[] = []
  #gone = false

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    { cwd = root, limitMs = LIMIT_MS, ipc = false }: StartOptions = {},
  ) {
    this.#limitMs = limitMs
    this.#child = spawn(process.execPath, ['--conditions=koa-afterglow-source', ...args], {
      cwd,
      env: { ...withoutTelemetry(process.env), ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc' as const] : [])],
    })
    for (const name of ['stdout', 'stderr'] as const)
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text
        this.#wake()
      })
    this.#closed = new Promise((resolve, reject) => this.#child.once('close', resolve).once('error', reject))
    this.#child.once('close', () => {
      this.#gone = true
      this.#wake()
    })
  }

  /** Resolves with the first match in what the process writes. */
  async says(where: 'stdout' | 'stderr', pattern: RegExp, limitMs = LIMIT_MS): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(limitMs)
    limit.addEventListener('abort', () => this.#wake())
    for (;;) {
      const match = pattern.exec(this.#output[where])
      if (match) return match
      if (this.#gone || limit.aborted)
        throw new Error(`never said ${String(pattern)}, but: ${JSON.stringify(this.#output)}`)
      await new Promise<void>((resolve) => this.#woken.push(resolve))
    }
  }

  /** Resolves with what it wrote once it ended by itself, `signal` or the code it runs; a process that hangs is killed: code null. */
  async ends(signal?: NodeJS.Signals): Promise<Ended> {
    if (signal) this.#child.kill(signal)
    const limit = setTimeout(() => this.kill(), this.#limitMs)
    const code = await this.#closed
    clearTimeout(limit)
    return { code, ...this.#output }
  }

  /** The next message that it sends. */
  async tells(): Promise<unknown> {
    const [message] = (await once(this.#child, 'message')) as [unknown]
    return message
  }

  send(message: object): void {
    this.#child.send(message)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** For a test that failed before it saw the end. */
  kill(): void {
    this.#child.kill('SIGKILL')
    // What it started itself may live on with these pipes, and `close` would wait for that.
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  #wake(): void {
    const woken = this.#woken
    this.#woken = []
    for (const wake of woken) wake()
  }
}

/** What the machine's own environment says of telemetry must not decide a test. */
function withoutTelemetry(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(OTEL_|NODE_OPTIONS$)/.test(name)))
}

// A program that runs beside this process: its output goes to a file, its warnings also to the terminal.
import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface ProgramOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** What it writes once it can be used. */
  readonly ready: string
  /** Of its log, and the folder it runs in. */
  readonly folder: string
  /** All of its output goes to the terminal, not only what went wrong. @default false */
  readonly verbose?: boolean
}

const LAST_LINES = 10
/** Longer than the collector takes to write its queue to disk. */
const STOP_MS = 15_000
const IS_TROUBLE = /\t(warn|error|fatal)\t|level=(WARN|ERROR)/

export class Program {
  /** Resolves once it can be used; never if it cannot. */
  readonly ready: Promise<void>
  /** Resolves with what to say if it ends though nobody stopped it. */
  readonly died: Promise<string>
  stopping = false
  readonly #child: ChildProcess
  readonly #closed: Promise<void>

  constructor(name: string, options: ProgramOptions) {
    const log = join(options.folder, `${name}.log`)
    const file = createWriteStream(log)
    const last: string[] = []
    // In a process group of its own: Ctrl-C reaches this process, which stops them in order.
    this.#child = spawn(options.command, options.args, {
      cwd: options.folder,
      env: options.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    const ready = Promise.withResolvers<void>()
    this.ready = ready.promise
    const lines = createInterface({ input: this.#child.stderr ?? process.stdin })
    lines.on('line', (line) => {
      file.write(`${line}\n`)
      last.push(line)
      if (last.length > LAST_LINES) last.shift()
      if (line.includes(options.ready)) ready.resolve()
      if (options.verbose || (IS_TROUBLE.test(line) && !this.stopping)) process.stderr.write(`${name} | ${line}\n`)
    })
    const died = Promise.withResolvers<string>()
    this.died = died.promise
    this.#closed = new Promise((resolve) => {
      const ended = (how: string) => {
        if (!this.stopping) died.resolve(`${name} ended (${how}):\n${last.join('\n')}\nThe whole of it: ${log}`)
        file.end()
        resolve()
      }
      this.#child.once('error', (error) => ended(error.message))
      this.#child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`))
    })
  }

  /** Resolves once it is gone. */
  async stop(): Promise<void> {
    this.stopping = true
    this.#child.kill('SIGTERM')
    const stuck = setTimeout(() => this.kill(), STOP_MS)
    await this.#closed
    clearTimeout(stuck)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

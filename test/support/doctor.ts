// For test/process/doctor*.test.ts: runs the command line on folders made for a test.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root, Started } from './otel-process.ts'
import type { Ended } from './otel-process.ts'

export interface Row {
  readonly id: string
  readonly status: string
  readonly message: string
  readonly fix?: string
}
export interface Examined extends Ended {
  readonly rows: readonly Row[]
  /** All rows of a check, as `status message`. */
  of(id: string): string
}

const MAIN = join(root, 'src/cli/main.ts')
const APP = join(root, 'test/support/doctor-app.cjs')
export const CONDITION = '--conditions=koa-afterglow-source'

/** How the healthy patient is started. */
export const appCommand = (...flags: readonly string[]): string[] => [
  process.execPath,
  CONDITION,
  ...(flags.length > 0 ? flags : ['--require', 'koa-afterglow/otel']),
  APP,
]

export async function runDoctor(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Ended> {
  const started = new Started([MAIN, ...args], env, { cwd: cwd ?? root, limitMs: 45_000 })
  return started.ends()
}

export async function examine(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Examined> {
  const ended = await runDoctor(['doctor', '--json', ...args], env, cwd)
  const { findings: rows } = JSON.parse(ended.stdout) as { findings: readonly Row[] }
  const of = (id: string): string =>
    rows
      .filter((row) => row.id === id)
      .map(({ status, message }) => `${status} ${message}`)
      .join('\n')
  return { ...ended, rows, of }
}

/** A folder of an application: its files, and its packages as copies or links of what the repository has. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'doctor-test-'))

  write(files: Readonly<Record<string, string>>): this {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true })
      writeFileSync(join(this.path, name), text)
    }
    return this
  }

  link(...names: readonly string[]): this {
    for (const name of names)
      this.#place(name, (to) => symlinkSync(name === 'koa-afterglow' ? root : join(root, 'node_modules', name), to))
    return this
  }

  /** `from` is the name of the folder in the repository's node_modules. */
  copy(name: string, from = name): this {
    this.#place(name, (to) => cpSync(join(root, 'node_modules', from), to, { recursive: true }))
    return this
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }

  #place(name: string, place: (to: string) => void): void {
    const to = join(this.path, 'node_modules', name)
    mkdirSync(dirname(to), { recursive: true })
    place(to)
  }
}

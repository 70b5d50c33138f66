import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Books, type Verdict } from './books.ts'
import { SUBJECTS, type Role } from './stores.ts'

export interface KillOptions {
  readonly engine: string
  readonly kills: number
  /** @default the engine's */
  readonly claimTimeoutMs?: number
  readonly tell?: (line: string) => void
}

const SHORTEST_LIFE_MS = 100
/** How long what is open at the end may take: a claim, and until its loss is found. */
const LAST_MS = 60_000
const DEFAULT_CLAIM_MS = 30_000

/** Processes that add and work on one store, each killed again and again at a moment of chance. */
export async function killAtRandom(options: KillOptions): Promise<Verdict> {
  const { engine, kills, claimTimeoutMs = DEFAULT_CLAIM_MS, tell = () => {} } = options
  const subject = SUBJECTS[engine]
  if (!subject) throw new Error(`--engine takes one of ${Object.keys(SUBJECTS).join(', ')}, not '${engine}'`)
  const store = await subject.open()
  const books = new Books()
  const start = (role: Role) => Victim.start(books, [engine, store.address, role, String(claimTimeoutMs)])
  const victims = await Promise.all(subject.roles.map(start))
  try {
    for (let count = 1; count <= kills; count++) {
      await sleep(SHORTEST_LIFE_MS + Math.random() * (subject.longestLifeMs - SHORTEST_LIFE_MS))
      const at = Math.floor(Math.random() * victims.length)
      await victims[at]?.kill()
      victims[at] = await start(subject.roles[at] ?? 'works')
      if (count % 10 === 0) tell(`${count} kills, ${books.verdict().acknowledged} acknowledged`)
    }
    // Nobody adds any more.
    for (const [at, role] of subject.roles.entries()) if (role !== 'works') await victims[at]?.kill()
    if (subject.roles.includes('does both')) victims.push(await start('works'))
    await untilNoneIsOpen(books)
  } finally {
    for (const victim of victims) await victim.kill()
    await store.close()
  }
  return books.verdict()
}

async function untilNoneIsOpen(books: Books): Promise<void> {
  const end = performance.now() + LAST_MS
  while (books.open > 0 && performance.now() < end) await sleep(100)
}

let started = 0

class Victim {
  readonly #books: Books
  readonly #number = ++started
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stderr = ''

  private constructor(books: Books, args: readonly string[]) {
    this.#books = books
    const script = join(import.meta.dirname, 'child.ts')
    this.#child = spawn(process.execPath, ['--conditions=koa-afterglow-source', script, ...args], { stdio: 'pipe' })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#closed = once(this.#child, 'close')
  }

  static async start(books: Books, args: readonly string[]): Promise<Victim> {
    const victim = new Victim(books, args)
    await victim.#ready()
    return victim
  }

  async kill(): Promise<void> {
    const { exitCode } = this.#child
    if (exitCode !== null) throw new Error(`a process ended by itself with ${exitCode}: ${this.#stderr}`)
    this.#books.killed(this.#number)
    this.#child.kill('SIGKILL')
    // Also what it said last is in the books then.
    await this.#closed
  }

  #ready(): Promise<void> {
    const { stdout } = this.#child
    return new Promise((resolve, reject) => {
      if (!stdout) return reject(new Error('a process without output'))
      createInterface(stdout).on('line', (line) => {
        if (line === 'ready') resolve()
        else this.#books.note(this.#number, line)
      })
      void this.#closed.then(() => reject(new Error(`a process ended before it was ready: ${this.#stderr}`)))
    })
  }
}

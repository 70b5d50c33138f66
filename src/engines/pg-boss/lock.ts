// PGlite has no lock of its own, and two processes on one folder destroy each other's data.
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreLockedError } from '../../core/errors.ts'

/** What the file says. Of a process elsewhere only the age of its last sign of life can tell whether it lives. */
interface Holder {
  readonly pid: number
  readonly host: string
  /** So that a pid in use again is not taken for the holder. Linux only; elsewhere the pid alone decides. */
  readonly started?: string | undefined
  /** In which its pid means something; containers may share a host name. Absent but on Linux, and of an older version. */
  readonly pidNamespace?: string | undefined
  readonly nonce: string
}

export type Unlock = () => void

const SIGN_OF_LIFE_MS = 5_000
/** On another machine, whose clock may differ. */
const DEAD_AFTER_MS = 60_000
/** In another container of a machine: most often the one before this, which crashed and was started again. */
const DEAD_HERE_AFTER_MS = 20_000
/** Another process may have found the same holder dead; who is in the file after this has it. */
const TAKEOVER_MS = 100
const MOST_TRIES = 5

/** @throws StoreLockedError that says who has it */
export async function lockStore(folder: string): Promise<Unlock> {
  const file = `${folder}.lock`
  const mine: Holder = { ...self(), started: startTime(process.pid), nonce: nonce() }
  const draft = `${file}.${mine.nonce}`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(draft, JSON.stringify(mine))
  try {
    await take(file, draft, mine)
  } finally {
    rmSync(draft, { force: true })
  }
  const alive = setInterval(() => signOfLife(file), SIGN_OF_LIFE_MS).unref()
  return () => {
    clearInterval(alive)
    if (holderOf(file)?.nonce === mine.nonce) rmSync(file, { force: true })
  }
}

async function take(file: string, draft: string, mine: Holder): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const tookOver = tries > 0
    if (linked(draft, file)) {
      if (tookOver) await sleep(TAKEOVER_MS)
      if (!tookOver || holderOf(file)?.nonce === mine.nonce) return
    }
    const holder = holderOf(file)
    if (!holder) continue
    if (lives(file, holder)) throw new StoreLockedError(heldBy(file, holder), { holder })
    removeStale(file, holder)
  }
  throw new StoreLockedError(`${file} is contended: several processes want this store at once; one of them may have it`)
}

/** Moved away first, since it may no longer be the one that was found dead. */
function removeStale(file: string, dead: Holder): void {
  const aside = `${file}.${nonce()}`
  try {
    renameSync(file, aside)
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return
    throw thrown
  }
  if (holderOf(aside)?.nonce !== dead.nonce) linked(aside, file)
  rmSync(aside, { force: true })
}

const heldBy = (file: string, holder: Holder): string =>
  `the store is held by process ${holder.pid} on ${holder.host}${which(holder)} ` +
  `(${file}). One process at a time can open an embedded database: end that one, give both engines one open PGlite, or use a PostgreSQL`

function which(holder: Holder): string {
  if (isNear(holder)) return holder.pid === process.pid ? ', which is this one' : ''
  return holder.host === hostname() ? ', in another container' : ''
}

function lives(file: string, holder: Holder): boolean {
  const { pid, started } = holder
  if (isNear(holder)) return isAlive(pid) && startTime(pid) === started
  const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: 0 }
  return Date.now() - mtimeMs < (holder.host === hostname() ? DEAD_HERE_AFTER_MS : DEAD_AFTER_MS)
}

/** Whether its pid can be looked at from here. */
function isNear({ host, pidNamespace }: Holder): boolean {
  const here = self()
  return host === here.host && (pidNamespace === undefined || pidNamespace === here.pidNamespace)
}

const self = (): Pick<Holder, 'pid' | 'host' | 'pidNamespace'> => ({
  pid: process.pid,
  host: hostname(),
  pidNamespace: namespaceOfPids(),
})

function namespaceOfPids(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return undefined
  }
}

/** By link(2) the file appears whole or not at all, and only if there was none. */
function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    throw thrown
  }
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined
    if (codeOf(thrown) === undefined)
      throw new StoreLockedError(`${file} is no lock file of koa-afterglow; if nothing uses the store, delete it`)
    throw thrown
  }
}

function signOfLife(file: string): void {
  const now = new Date()
  try {
    utimesSync(file, now, now)
  } catch {
    // Its folder is gone or full: the file alone is no reason to end.
  }
}

function startTime(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (thrown) {
    return codeOf(thrown) === 'EPERM'
  }
}

const nonce = (): string => randomBytes(6).toString('hex')
const codeOf = (thrown: unknown): unknown => (thrown as { readonly code?: unknown }).code

import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

interface Holder {
  readonly pid: number
  readonly started?: string | undefined
}

/** Exclusive by link(2): the file appears whole or not at all. Returns its release. */
export function lockStore(file: string): () => void {
  const mine: Holder = { pid: process.pid, started: startTime(process.pid) }
  const draft = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`
  writeFileSync(draft, JSON.stringify(mine))
  try {
    for (let tries = 0; !linked(draft, file); tries++) {
      const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder
      const held = isAlive(holder.pid) && startTime(holder.pid) === holder.started
      if (held || tries > 3) {
        const code = 'ERR_AFTERGLOW_STORE_LOCKED'
        throw Object.assign(new Error(`the store is held by process ${holder.pid}`), { code })
      }
      rmSync(file, { force: true })
    }
    return () => rmSync(file, { force: true })
  } finally {
    rmSync(draft, { force: true })
  }
}

function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    throw thrown
  }
}

/** So that a pid in use again is not taken for the holder. Linux only; elsewhere the pid alone decides. */
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

const codeOf = (thrown: unknown): unknown => (thrown as { readonly code?: unknown }).code

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** Runs a script of this folder until it says `ready`, and then `kill -9`: it gets to clean up nothing. */
export async function killOnceReady(script: string, ...args: readonly string[]): Promise<void> {
  const path = join(import.meta.dirname, script)
  const child = spawn(process.execPath, ['--conditions=koa-afterglow-source', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('ready') && child.kill('SIGKILL'))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (signal !== 'SIGKILL') throw new Error(`it was not killed, but ended with ${code ?? signal}`)
}

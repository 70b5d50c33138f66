import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockStore } from '../../../src/engines/pg-boss/lock.ts'

let folder: string
let store: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'afterglow-lock-'))
  store = join(folder, 'data')
  file = `${store}.lock`
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const holder = () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
const heldBy = (over: Record<string, unknown>) =>
  writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname(), nonce: 'other', ...over }))

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'close')
  return child.pid ?? 0
}

test('a second one is refused, and told who has it', async () => {
  const unlock = await lockStore(store)
  await expect(lockStore(store)).rejects.toMatchObject({
    code: 'ERR_AFTERGLOW_STORE_LOCKED',
    holder: { pid: process.pid, host: hostname() },
    message: expect.stringMatching(`held by process ${process.pid} on ${hostname()}, which is this one`),
  })
  unlock()
  const again = await lockStore(store)
  again()
  expect(readdirSync(folder)).toEqual([])
})

test('one of a process that is gone is taken over', async () => {
  heldBy({ pid: await deadPid() })
  const unlock = await lockStore(store)
  expect(holder()).toMatchObject({ pid: process.pid })
  unlock()
})

test('one whose pid another process has by now is taken over', async () => {
  heldBy({ started: '1' })
  const unlock = await lockStore(store)
  expect(holder()['nonce']).not.toBe('other')
  unlock()
})

function silentFor(ms: number): void {
  const then = new Date(Date.now() - ms)
  utimesSync(file, then, then)
}

test('one of another machine is believed as long as it gives signs of life', async () => {
  heldBy({ host: 'elsewhere' })
  await expect(lockStore(store)).rejects.toThrow('on elsewhere')
  silentFor(59_000)
  await expect(lockStore(store)).rejects.toThrow('on elsewhere')
  silentFor(61_000)
  const unlock = await lockStore(store)
  expect(holder()).toMatchObject({ host: hostname() })
  unlock()
})

test('one of a container of the same name is believed as long as it gives signs of life, whatever its pid is here', async () => {
  heldBy({ pid: await deadPid(), pidNamespace: 'pid:[1]' })
  await expect(lockStore(store)).rejects.toThrow(`on ${hostname()}, in another container`)
  heldBy({ pidNamespace: 'pid:[1]' })
  await expect(lockStore(store)).rejects.not.toThrow('this one')
  silentFor(19_000)
  await expect(lockStore(store)).rejects.toThrow('in another container')
  silentFor(21_000)
  const unlock = await lockStore(store)
  expect(holder()['nonce']).not.toBe('other')
  unlock()
})

test('it says in which container its pid is one, and one of the same is judged by that', async () => {
  const unlock = await lockStore(store)
  const namespace = '/proc/self/ns/pid'
  const { pidNamespace } = holder()
  expect(pidNamespace).toBe(existsSync(namespace) ? readlinkSync(namespace) : undefined)
  unlock()
  heldBy({ pid: await deadPid(), pidNamespace })
  const next = await lockStore(store)
  expect(holder()['nonce']).not.toBe('other')
  next()
})

test('of many who find it left behind, one gets it', async () => {
  heldBy({ pid: await deadPid() })
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockStore(store)))
  const got = all.filter((one) => one.status === 'fulfilled')
  expect(got).toHaveLength(1)
  expect(readdirSync(folder)).toEqual(['data.lock'])
})

test('unlocking leaves alone what is no longer its own', async () => {
  const unlock = await lockStore(store)
  heldBy({})
  unlock()
  expect(existsSync(file)).toBe(true)
})

test('what is no lock file is not touched', async () => {
  writeFileSync(file, 'precious')
  await expect(lockStore(store)).rejects.toMatchObject({ code: 'ERR_AFTERGLOW_STORE_LOCKED' })
  expect(readFileSync(file, 'utf8')).toBe('precious')
})

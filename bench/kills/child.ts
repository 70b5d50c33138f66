// One process on a store: `node child.ts ENGINE ADDRESS ROLE CLAIM_MS`. It says on its standard output what it did, one line
// each, before it does the next thing, so that the books of its parent are right also when it is killed right then.
import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ended, EngineHost, Envelope } from '../../src/core/engine.ts'
import { completed, envelope } from '../../src/testing/engine-conformance/bench.ts'
import { SUBJECTS, type Role } from './stores.ts'

const [name = '', address = '', role = '', claimMs = ''] = process.argv.slice(2)
const subject = SUBJECTS[name]
if (!subject) throw new Error(`no engine '${name}'`)
const engine = subject.engine(address, Number(claimMs))
const say = (...words: readonly (string | number)[]): void => void writeSync(1, `${words.join(' ')}\n`)

const CONCURRENCY = 50
const LONGEST_RUN_MS = 60
const LINES = 4
const LONGEST_PAUSE_MS = 12
const MOST_AT_ONCE = 4

let running = 0
const host: EngineHost = {
  consume: (role as Role) !== 'adds',
  closed: new Set(),
  room: () => CONCURRENCY - running,
  report: (event) => say('event', event.type, 'envelope' in event ? event.envelope.record.id : event.error.message),
  run: (task: Envelope, ended: Ended, lostClaims = 0) => void run(task, ended, lostClaims),
}

async function run(task: Envelope, ended: Ended, lostClaims: number): Promise<void> {
  running++
  say('began', task.record.id, lostClaims)
  await sleep(Math.random() * LONGEST_RUN_MS)
  say('ended', task.record.id)
  running--
  ended(task, completed)
}

async function line(): Promise<void> {
  for (;;) {
    const batch = Array.from({ length: 1 + Math.floor(Math.random() * MOST_AT_ONCE) }, () =>
      envelope({}, { id: randomBytes(16).toString('hex') }),
    )
    try {
      await engine.enqueue(batch)
      for (const { record } of batch) say('acknowledged', record.id)
    } catch (thrown) {
      say('event', 'refused', (thrown as Error).message)
    }
    await sleep(Math.random() * LONGEST_PAUSE_MS)
  }
}

// With its parent gone there is nobody whose books these are.
process.stdin.on('end', () => process.exit()).resume()
await engine.start(host)
say('ready')
if ((role as Role) !== 'works') for (let lines = 0; lines < LINES; lines++) void line()

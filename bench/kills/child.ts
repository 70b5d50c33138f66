// One process on a store: `node child.ts ENGINE ADDRESS ROLE CLAIM_MS`. It says on its standard output what it did, one line
// each, before it does the next thing, so that the books of its parent are right also when it is killed right then.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTasks, defineTask, type Logger } from 'koa-afterglow'
import { SUBJECTS, type Role } from './stores.ts'

const [name = '', address = '', role = '', claimMs = ''] = process.argv.slice(2)
const subject = SUBJECTS[name]
if (!subject) throw new Error(`no engine '${name}'`)
const say = (...words: readonly string[]): void => void writeSync(1, `${words.join(' ')}\n`)

const LONGEST_RUN_MS = 60
const LINES = 4
const LONGEST_PAUSE_MS = 12
const MOST_AT_ONCE = 4

const work = defineTask({
  name: 'work',
  engine: 'durable',
  async run(_: { at: number }, { id, lostClaims }) {
    say('began', id, String(lostClaims))
    await sleep(Math.random() * LONGEST_RUN_MS)
    say('ended', id)
  },
})

/** What the runner itself has to say: a claim that was lost, an acknowledgement that failed. */
function note(fields: object): void {
  const { 'otel.event.name': event = 'line', 'afterglow.task.id': id = '-', ...rest } = fields as Record<string, string>
  say('event', JSON.stringify(rest).includes('lost its claim') ? 'claim_lost' : event, id)
}
const quiet = (): void => {}
const logger: Logger = { debug: quiet, info: quiet, warn: note, error: note, child: () => logger }

const tasks = createTasks({
  logger,
  register: [work],
  engines: { durable: subject.engine(address, Number(claimMs)) },
  // One that is in flight at every kill is no poison here.
  limits: { concurrency: 50, maxLostClaims: 1_000 },
})

async function line(): Promise<void> {
  for (;;) {
    const handles = Array.from({ length: 1 + Math.floor(Math.random() * MOST_AT_ONCE) }, () =>
      tasks.add(work, { at: Date.now() }),
    )
    for (const { id, accepted } of handles) say((await accepted).accepted ? 'acknowledged' : 'refused', id)
    await sleep(Math.random() * LONGEST_PAUSE_MS)
  }
}

// With its parent gone there is nobody whose books these are.
process.stdin.on('end', () => process.exit()).resume()
await tasks.start({ consume: (role as Role) !== 'adds' })
say('ready')
if ((role as Role) !== 'works') for (let lines = 0; lines < LINES; lines++) void line()

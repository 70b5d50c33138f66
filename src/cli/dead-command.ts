// The arguments of `koa-afterglow dead`, and its exit code.
import { styleText } from 'node:util'
import type { EngineAdmin } from '../core/engine.ts'
import { asJson, asText } from './dead/print.ts'
import { openStore } from './dead/store.ts'
import type { Where } from './dead/store.ts'
import { parse, show, UsageError } from './usage.ts'
import type { Command } from './usage.ts'

const HELP = `Usage: koa-afterglow dead [list] --store STORE [options]
       koa-afterglow dead retry   (ID... | --all) --store STORE
       koa-afterglow dead discard (ID... | --all) --store STORE

Tasks of durable engines that ended badly are kept until somebody decides: look at them,
let them run again from their first attempt, or forget them. It runs no task itself.

  npx koa-afterglow dead --store postgres://user@db.example/shop
  npx koa-afterglow dead retry --all --task send-invoice --store redis://localhost:6379

Options
  --store STORE    postgres://, redis://, or the folder of an embedded store, which no
                   running process may have open (default: AFTERGLOW_STORE)
  --task NAME      only tasks of this name
  --limit NUMBER   how many are listed, or taken by --all (default: 100)
  --all            all that list would show
  --queue NAME     as the engine was told, also --schema (PostgreSQL) and --prefix (Redis)
  --json           the list as JSON

Exit code: 0 done, 1 the store cannot be reached or an ID is not dead, 2 wrong usage.
`

const OPTIONS = {
  store: { type: 'string' },
  task: { type: 'string' },
  limit: { type: 'string' },
  all: { type: 'boolean' },
  queue: { type: 'string' },
  schema: { type: 'string' },
  prefix: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Verb = 'list' | 'retry' | 'discard'

interface Wanted extends Where {
  readonly verb: Verb
  readonly ids: readonly string[]
  readonly all: boolean
  readonly query: { readonly limit: number; readonly name: string | undefined }
  readonly json: boolean
}

function read(args: readonly string[], rest: readonly string[] | undefined): Wanted {
  const { values, positionals } = parse(args, OPTIONS)
  const [verb = 'list', ...ids] = positionals
  if (rest) throw new UsageError('there is nothing to run after --')
  if (!isVerb(verb)) throw new UsageError(`there is no '${verb}'; there are list, retry and discard`)
  const { store = process.env['AFTERGLOW_STORE'], task, queue, schema, prefix, all = false, json = false } = values
  if (!store) throw new UsageError('--store is missing: postgres://, redis:// or a folder')
  if (verb === 'list' ? ids.length > 0 || all : ids.length > 0 === all)
    throw new UsageError(verb === 'list' ? 'list takes no IDs' : `${verb} takes IDs, or --all`)
  if (json && verb !== 'list') throw new UsageError('--json is of list')
  const limit = values.limit === undefined ? 100 : Number(values.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError(`--limit is a whole number, not '${values.limit}'`)
  return { verb, ids, all, json, store, queue, schema, prefix, query: { limit, name: task } }
}

const isVerb = (word: string): word is Verb => word === 'list' || word === 'retry' || word === 'discard'

export const deadCommand: Command = {
  help: HELP,
  async run(args, rest) {
    const wanted = read(args, rest)
    try {
      const { admin, close } = await openStore(wanted)
      return await (wanted.verb === 'list' ? list(admin, wanted) : decide(admin, wanted)).finally(close)
    } catch (error) {
      if (error instanceof UsageError) throw error
      process.stderr.write(`koa-afterglow: ${messageOf(error)}\n`)
      return 1
    }
  },
}

async function list(admin: EngineAdmin, { query, json }: Wanted): Promise<number> {
  const dead = await admin.list(query)
  // `styleText` leaves colours out where nobody looks at a terminal.
  show(json ? asJson(dead) : asText(dead, Date.now(), styleText))
  return 0
}

async function decide(admin: EngineAdmin, { verb, ids, all, query }: Wanted): Promise<number> {
  const chosen = all ? (await admin.list(query)).map(({ id }) => id) : ids
  const unknown: string[] = []
  for (const id of chosen) if (!(await (verb === 'retry' ? admin.retry(id) : admin.discard(id)))) unknown.push(id)
  const done = chosen.length - unknown.length
  const what = verb === 'retry' ? (done === 1 ? 'runs again' : 'run again') : 'discarded'
  show(`${done === 1 ? '1 task' : `${done} tasks`} ${what}\n`)
  for (const id of unknown) process.stderr.write(`koa-afterglow: '${id}' is not dead\n`)
  return unknown.length === 0 ? 0 : 1
}

/** An engine that cannot start says why in its cause, and maybe in its own words too. */
function messageOf(error: unknown): string {
  const { message, cause } = error as Error & { readonly cause?: Partial<Error> }
  const because = cause?.message ?? ''
  return message.includes(because) ? message : `${message}: ${because}`
}

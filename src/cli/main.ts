#!/usr/bin/env node
// `npx koa-afterglow`: reads the arguments, prints, and sets the exit code.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { doctor } from './doctor.ts'
import type { DoctorOptions } from './doctor.ts'
import { worst } from './finding.ts'
import { ownManifest } from './own-package.ts'
import { asJson, asText } from './print.ts'

const HELP = `Usage: koa-afterglow doctor [options] [-- command]

Says what keeps tasks from running, or from being seen. Without a command it looks at
the files, the packages and the environment of the current folder, and sends an empty
export to the configured collector. With one it also starts the app, looks inside once
it listens, and stops it by SIGTERM:

  npx koa-afterglow doctor -- node --import koa-afterglow/otel app.js

Options
  --request PATH       GET this path of the running app, and say what its tasks did; repeatable
  --kubernetes FILE    compare the drain with the periods of this manifest
  --pm2 FILE           the same for PM2 (default: ecosystem.config.* here, if there is one)
  --timeout SECONDS    how long the app may take until it listens (default: 20)
  --json               findings as JSON
  --help, --version

Exit code: 0 nothing is broken, 1 something is, 2 wrong usage.
`

const OPTIONS = {
  request: { type: 'string', multiple: true },
  kubernetes: { type: 'string' },
  pm2: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

class UsageError extends Error {}

interface Wanted extends DoctorOptions {
  readonly json: boolean
}

/** Text if that is all that was asked for. */
function read(args: readonly string[]): Wanted | string {
  const at = args.indexOf('--')
  const [own, command] = at === -1 ? [args, []] : [args.slice(0, at), args.slice(at + 1)]
  const { values, positionals } = parse(own)
  if (values.help || (own.length === 0 && command.length === 0)) return HELP
  if (values.version) return `${ownManifest().version}\n`
  const [verb, ...rest] = positionals
  if (verb !== 'doctor') throw new UsageError(verb ? `there is no command '${verb}'` : 'no command given')
  if (rest.length > 0)
    throw new UsageError(
      `unexpected '${rest.join(' ')}'; to run the app: doctor -- node --import koa-afterglow/otel ${rest[0]}`,
    )
  if (at !== -1 && command.length === 0) throw new UsageError('there is no command after --')
  const requests = values.request ?? []
  if (requests.length > 0 && command.length === 0) throw new UsageError('--request needs a command after --')
  const wrong = requests.find((path) => !path.startsWith('/'))
  if (wrong !== undefined) throw new UsageError(`--request takes a path that begins with /, not '${wrong}'`)
  const seconds = Number(values.timeout ?? 20)
  if (!(seconds > 0)) throw new UsageError(`--timeout takes seconds, not '${values.timeout}'`)
  return {
    folder: resolve('.'),
    env: process.env,
    command,
    requests,
    kubernetes: values.kubernetes,
    pm2: values.pm2,
    startLimitMs: seconds * 1_000,
    json: values.json ?? false,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function main(): Promise<number> {
  try {
    const wanted = read(process.argv.slice(2))
    if (typeof wanted === 'string') return show(wanted)
    const findings = await doctor(wanted)
    const { folder, command, json } = wanted
    const examined = { version: ownManifest().version ?? '', folder, command, findings }
    show(json ? asJson(examined) : asText(examined, wantsColours()))
    return worst(findings) === 'fail' ? 1 : 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`koa-afterglow: ${error.message}\n\n${HELP}`)
    return 2
  }
}

function show(text: string): number {
  process.stdout.write(text)
  return 0
}

const wantsColours = (): boolean => process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'

// Not process.exit(): what was written to a pipe would be cut off.
void main().then((code) => (process.exitCode = code))

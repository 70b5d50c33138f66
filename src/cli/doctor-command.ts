// The arguments of `koa-afterglow doctor`, and its exit code.
import { resolve } from 'node:path'
import { doctor } from './doctor.ts'
import type { DoctorOptions } from './doctor.ts'
import { worst } from './finding.ts'
import { ownManifest } from './own-package.ts'
import { asJson, asText } from './print.ts'
import { parse, show, UsageError } from './usage.ts'
import type { Command } from './usage.ts'

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

Exit code: 0 nothing is broken, 1 something is, 2 wrong usage.
`

const OPTIONS = {
  request: { type: 'string', multiple: true },
  kubernetes: { type: 'string' },
  pm2: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
} as const

interface Wanted extends DoctorOptions {
  readonly json: boolean
}

function read(args: readonly string[], command: readonly string[] | undefined): Wanted {
  const { values, positionals } = parse(args, OPTIONS)
  if (positionals.length > 0)
    throw new UsageError(
      `unexpected '${positionals.join(' ')}'; to run the app: doctor -- node --import koa-afterglow/otel ${positionals[0]}`,
    )
  if (command?.length === 0) throw new UsageError('there is no command after --')
  const requests = values.request ?? []
  if (requests.length > 0 && !command) throw new UsageError('--request needs a command after --')
  const wrong = requests.find((path) => !path.startsWith('/'))
  if (wrong !== undefined) throw new UsageError(`--request takes a path that begins with /, not '${wrong}'`)
  const seconds = Number(values.timeout ?? 20)
  if (!(seconds > 0)) throw new UsageError(`--timeout takes seconds, not '${values.timeout}'`)
  return {
    folder: resolve('.'),
    env: process.env,
    command: command ?? [],
    requests,
    kubernetes: values.kubernetes,
    pm2: values.pm2,
    startLimitMs: seconds * 1_000,
    json: values.json ?? false,
  }
}

export const doctorCommand: Command = {
  help: HELP,
  async run(args, rest) {
    const wanted = read(args, rest)
    const findings = await doctor(wanted)
    const { folder, command, json } = wanted
    const examined = { version: ownManifest().version ?? '', folder, command, findings }
    show(json ? asJson(examined) : asText(examined, wantsColours()))
    return worst(findings) === 'fail' ? 1 : 0
  },
}

const wantsColours = (): boolean => process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'

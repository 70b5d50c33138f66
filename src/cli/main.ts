#!/usr/bin/env node
// `npx koa-afterglow`: finds the command, and sets the exit code.
import { dashboardsCommand } from './dashboards-command.ts'
import { deadCommand } from './dead-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { ownManifest } from './own-package.ts'
import { show, UsageError } from './usage.ts'
import type { Command } from './usage.ts'

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: doctorCommand,
  dashboards: dashboardsCommand,
  dead: deadCommand,
}

const HELP = `Usage: koa-afterglow COMMAND [options]

Commands
  doctor       says what keeps tasks from running, or from being seen
  dashboards   writes Grafana dashboards, Prometheus rules and datasources for your installation
  dead         lists, retries or discards what ended badly in a durable engine

Options
  --help       of a command: koa-afterglow COMMAND --help
  --version

Exit code: 0 all is well, 1 something is not, 2 wrong usage.
`

async function main(all: readonly string[]): Promise<number> {
  const at = all.indexOf('--')
  const [args, rest] = at === -1 ? [all, undefined] : [all.slice(0, at), all.slice(at + 1)]
  const command = Object.hasOwn(COMMANDS, args[0] ?? '') ? COMMANDS[args[0] ?? ''] : undefined
  try {
    if (args.some((arg) => arg === '--help' || arg === '-h') || all.length === 0) show(command?.help ?? HELP)
    else if (args.some((arg) => arg === '--version' || arg === '-v')) show(`${ownManifest().version}\n`)
    else if (command) return await command.run(args.slice(1), rest)
    else throw new UsageError(args[0] ? `there is no command '${args[0]}'` : 'no command given')
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`koa-afterglow: ${error.message}\n\n${command?.help ?? HELP}`)
    return 2
  }
}

// Not process.exit(): what was written to a pipe would be cut off.
void main(process.argv.slice(2)).then((code) => (process.exitCode = code))

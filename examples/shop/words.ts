import { styleText } from 'node:util'
import type { DrainReport } from 'koa-afterglow'
import type { Logger } from 'pino'
import type { Env } from './env.ts'

/** What a person needs in the first minute: three requests to copy, and where to look. One JSON line for machines. */
export function sayStart(env: Env, logger: Logger): void {
  const url = urlOf(env)
  const mails = env.SMTP_URL === undefined ? `${url}/mails` : `sent to ${new URL(env.SMTP_URL).host}`
  if (env.LOG_FORMAT === 'json') return logger.info({ url, mails, engine: env.ENGINE }, 'shop is listening')
  const store =
    env.ENGINE === 'in-process' ? '' : `\n  dead    ${url}/dead (tasks that ended badly are kept: ${env.ENGINE})`
  print(`
  ${styleText('bold', 'koa-afterglow shop')} at ${styleText('cyan', url)}

  curl -X POST ${url}/register -H 'content-type: application/json' -d '{"username":"ada","email":"ada@example.com"}'
  curl -X POST ${url}/order
  curl ${url}/complex-task

  mails   ${mails}
  counts  ${url}/stats${store}
  more    /failing-task  /flaky-task  npm run demo
  stop    Ctrl-C

`)
}

/** The first line of a process without HTTP. */
export function sayWorks({ ENGINE, LOG_FORMAT }: Env, logger: Logger): void {
  if (LOG_FORMAT === 'json') return logger.info({ engine: ENGINE }, 'worker is at work')
  print(`\n  ${styleText('bold', 'koa-afterglow worker')} on ${styleText('cyan', ENGINE)}, Ctrl-C stops it\n\n`)
}

/** The one line about what was finished, and what was not. */
export function report({ settled, interrupted, durationMs }: DrainReport, logger: Logger): void {
  const names = interrupted.map(({ name }) => name)
  const bad = names.length > 0 ? `, ${tasks(names.length)} interrupted: ${names.join(', ')}` : ''
  const line = `closed in ${(durationMs / 1000).toFixed(1)} s: ${tasks(settled)} finished${bad}`
  logger[bad ? 'warn' : 'info']({ settled, interrupted: names, durationMs }, line)
}

/** The process cannot start: one line, exit code 1. */
export function stopWith(thrown: unknown, who = 'shop'): never {
  const { code, message, cause, port, address } = thrown as NodeJS.ErrnoException & { port?: number; address?: string }
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} is taken: stop what listens there, or choose another with PORT=${(port ?? 0) + 1} npm start`,
    EACCES: `port ${port} needs rights that this user has not: choose one above 1023, such as PORT=3000 npm start`,
    EADDRNOTAVAIL: `HOST=${address} is no address of this machine`,
    ENOTFOUND: `HOST is no known name: ${message}`,
  }
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  process.stderr.write(`${who} cannot start: ${reasons[code ?? ''] ?? message + because}\n`)
  process.exit(1)
}

/** As one would type it: wherever it listens, this machine is `localhost`. */
function urlOf({ HOST, PORT }: Env): string {
  const here = ['127.0.0.1', '::1', '0.0.0.0', '::', 'localhost'].includes(HOST)
  return `http://${here ? 'localhost' : HOST.includes(':') ? `[${HOST}]` : HOST}:${PORT}`
}

const tasks = (count: number): string => (count === 1 ? '1 task' : `${count || 'no'} tasks`)

const print = (text: string): void => void process.stdout.write(text)

import { z } from 'zod'
import { fromCommandLine } from './engine.ts'

const variables = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  /** Only this machine, unless told otherwise: `HOST=0.0.0.0` in a container. */
  HOST: z.string().default('127.0.0.1'),
  /** Where mail goes; without it an embedded server keeps it. */
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, hostname: /./, error: 'expected smtp://host:port or smtps://host:port' })
    .optional(),
  /** A mail server that takes connections and never says a word: see what becomes of the rest. */
  MAIL_HANGS: z.enum(['0', '1']).default('0'),
  /** Where tasks are kept that must not be lost: nowhere, in a folder, or in a store that several processes share. */
  ENGINE: z.enum(['in-process', 'pglite', 'postgres', 'redis']).default('in-process'),
  ENGINE_URL: z.string().optional(),
  DATABASE_URL: z.string().optional(),
  REDIS_URL: z.string().optional(),
  /** 0 for a process that only answers requests, and leaves durable tasks to workers. */
  CONSUME: z.enum(['0', '1']).default('1'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  LOG_FORMAT: z.enum(['pretty', 'json']).default(process.stdout.isTTY ? 'pretty' : 'json'),
})

export type Env = z.infer<typeof variables>

/** @throws Error whose message is one line, with each variable that cannot be used */
export function readEnv(env: NodeJS.ProcessEnv = { ...process.env, ...fromCommandLine }): Env {
  // `PORT=` in a compose file means "not set".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const { success, data, error } = variables.safeParse(given)
  if (success) return data
  const problems = error.issues.map(({ path, message }) => `${path.join('.')}=${given[String(path[0])]}: ${message}`)
  throw new Error(problems.join('; '))
}

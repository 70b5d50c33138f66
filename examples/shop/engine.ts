import { parseArgs } from 'node:util'
import { inProcess, type Engine } from 'koa-afterglow'
import type { Env } from './env.ts'

/** `npm start -- --engine pglite`, or ENGINE. `--url` says where the store is, or DATABASE_URL, REDIS_URL. */
const { values: flags } = parseArgs({
  args: process.argv.slice(2),
  options: { engine: { type: 'string' }, url: { type: 'string' } },
  // A test runner has flags of its own.
  strict: false,
})
const text = (flag: string | boolean | undefined): string | undefined => (typeof flag === 'string' ? flag : undefined)

/** What the command line says of the environment. */
export const fromCommandLine = {
  ...(text(flags['engine']) && { ENGINE: text(flags['engine']) }),
  ...(text(flags['url']) && { ENGINE_URL: text(flags['url']) }),
}

const { ENGINE = 'in-process' } = { ...process.env, ...fromCommandLine }

/** Whether tasks that must not be lost outlive this process. */
export const durable = ENGINE !== 'in-process'

/** The store of durable tasks. Each is loaded only where it is chosen: its packages need not be installed elsewhere. */
export async function openEngine(
  env: Pick<Env, 'ENGINE' | 'ENGINE_URL' | 'DATABASE_URL' | 'REDIS_URL'>,
): Promise<Engine> {
  if (env.ENGINE === 'in-process') return inProcess()
  if (env.ENGINE === 'redis') {
    const { bullmq } = await import('koa-afterglow/bullmq')
    return bullmq({
      connection: env.ENGINE_URL ?? env.REDIS_URL ?? missing('redis', 'redis://localhost:6379', 'REDIS_URL'),
    })
  }
  const { pgBoss } = await import('koa-afterglow/pg-boss')
  if (env.ENGINE === 'pglite') return pgBoss({ pglite: env.ENGINE_URL ?? '.afterglow/shop' })
  const example = 'postgres://user:password@localhost:5432/shop'
  return pgBoss({
    connectionString: env.ENGINE_URL ?? env.DATABASE_URL ?? missing('postgres', example, 'DATABASE_URL'),
  })
}

function missing(engine: string, example: string, variable: string): never {
  throw new Error(`--engine ${engine} needs to know where: --url ${example}, or ${variable}`)
}

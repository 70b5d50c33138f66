// PM2's ecosystem file. It is code, and PM2 runs it too; a file that PM2 could not read is reported as such.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import type { Project } from './project.ts'

export interface Pm2App {
  readonly name: string
  readonly script: string
  readonly nodeArgs: string
  readonly nodeOptions: string
  readonly instances: string
  readonly cluster: boolean
  readonly killTimeoutMs: number
  readonly env: Readonly<Record<string, unknown>>
}
export interface Pm2 {
  readonly path: string
  readonly apps: readonly Pm2App[]
  readonly problem?: string
}

const FILES = ['ecosystem.config.js', 'ecosystem.config.cjs', 'ecosystem.config.mjs', 'ecosystem.json']
/** What PM2 gives an application between SIGINT and SIGKILL unless told otherwise. */
const KILL_TIMEOUT_MS = 1_600

export async function readPm2({ folder }: Project, given: string | undefined): Promise<Pm2 | undefined> {
  const path = given ? resolve(folder, given) : FILES.map((file) => join(folder, file)).find((file) => existsSync(file))
  if (!path) return undefined
  try {
    const { apps } = (await load(path)) as { apps?: unknown }
    const all = Array.isArray(apps) ? (apps as readonly unknown[]) : [apps]
    return { path, apps: all.filter((app) => typeof app === 'object' && app !== null).map(readApp) }
  } catch (error) {
    return {
      path,
      apps: [],
      problem: error instanceof Object && 'message' in error ? String(error.message) : String(error),
    }
  }
}

async function load(path: string): Promise<unknown> {
  if (!path.endsWith('.mjs')) return createRequire(path)(path)
  const { pathToFileURL } = await import('node:url')
  const loaded = (await import(pathToFileURL(path).href)) as { default?: unknown }
  return loaded.default ?? loaded
}

function readApp(app: object): Pm2App {
  const of = app as Readonly<Record<string, unknown>>
  const env = (of['env'] ?? {}) as Readonly<Record<string, unknown>>
  const args = of['node_args'] ?? of['nodeArgs'] ?? of['interpreter_args'] ?? ''
  return {
    name: text(of['name']) || text(of['script']),
    script: text(of['script']),
    nodeArgs: Array.isArray(args) ? args.join(' ') : text(args),
    nodeOptions: text(env['NODE_OPTIONS']),
    instances: text(of['instances']) || '1',
    // An app with `instances` runs in cluster mode unless it says otherwise.
    cluster:
      text(of['exec_mode']).startsWith('cluster') || (of['instances'] !== undefined && of['exec_mode'] === undefined),
    killTimeoutMs: milliseconds(of['kill_timeout'] ?? of['killTimeout']) ?? KILL_TIMEOUT_MS,
    env,
  }
}

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')

/** PM2 takes `8000`, `'8000'`, `'8s'`. */
function milliseconds(value: unknown): number | undefined {
  const [, count, unit = ''] = /^(\d+)(ms|s|m|h)?$/.exec(text(value)) ?? []
  return count ? Number(count) * ({ s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1) : undefined
}

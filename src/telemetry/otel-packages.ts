// What the bootstrap loads. Its packages are optional peers: they are resolved by name, so that a missing one is reported in
// one sentence, and loaded as CommonJS, the one copy that patches and exports for both module systems.
import { readFileSync } from 'node:fs'
import { builtinModules, createRequire, register as registerOnThread } from 'node:module'
import { dirname, join } from 'node:path'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { satisfies } from '../core/versions.ts'
import { BOOTSTRAP } from './names/bootstrap.ts'

const load = createRequire(import.meta.url)

const SDK = '@opentelemetry/sdk-node'
const HOOKS = 'import-in-the-middle/register-hooks.mjs'

/**
 * Only these are wrapped, and what `instrument()` adds: hooks round every module would change how the application's own
 * files are evaluated.
 */
const PATCHED = ['http', 'https', 'koa', 'pino']

/** Far above what the thread of the hooks takes to answer; a start that is late by it is better than one that hangs. */
const HOOKS_THREAD_MS = 2_000

export interface OtlpExporter {
  export(items: unknown, done: (result: ExportResult) => void): void
}
export interface ExportResult {
  readonly code: number
  readonly error?: Error
}

export interface Packages {
  readonly api: typeof import('@opentelemetry/api')
  readonly sdk: typeof import('@opentelemetry/sdk-node')
  readonly resources: typeof import('@opentelemetry/resources')
  /** What all OTLP exporters inherit from. */
  readonly exporterBase: { readonly OTLPExporterBase: { readonly prototype: OtlpExporter } }
  readonly http: typeof import('@opentelemetry/instrumentation-http')
  readonly koa: typeof import('@opentelemetry/instrumentation-koa')
  readonly pino: typeof import('@opentelemetry/instrumentation-pino')
}

/** @throws if a package is not installed, or in a version that is not for this, with the command that installs what is needed */
export function requirePackages(): void {
  const lacking = Object.entries(BOOTSTRAP).flatMap(([name, range]) => {
    const version = installed(name)
    if (version !== undefined && satisfies(version, range)) return []
    return [{ name, range, found: version ?? 'is not installed' }]
  })
  if (lacking.length === 0) return
  const found = lacking.map((one) => `${one.name} ${one.found}`).join(', ')
  const wanted = lacking.map(({ name, range }) => `${name}@'${range}'`).join(' ')
  const message = `koa-afterglow/otel cannot start: ${found}; npm install ${wanted}; an SDK that you start yourself needs none of it`
  throw Object.assign(new Error(message), { code: 'ERR_AFTERGLOW_OTEL_PACKAGES' })
}

export function loadPackages(): Packages {
  // The SDK's own dependencies: strict package managers let only the SDK see them.
  const loadOfSdk = createRequire(load.resolve(SDK))
  return {
    api: load('@opentelemetry/api') as Packages['api'],
    sdk: load(SDK) as Packages['sdk'],
    resources: loadOfSdk('@opentelemetry/resources') as Packages['resources'],
    exporterBase: loadOfSdk('@opentelemetry/otlp-exporter-base') as Packages['exporterBase'],
    http: load('@opentelemetry/instrumentation-http') as Packages['http'],
    koa: load('@opentelemetry/instrumentation-koa') as Packages['koa'],
    pino: load('@opentelemetry/instrumentation-pino') as Packages['pino'],
  }
}

/** Lets ES modules of these names be patched as well, from their next import on. */
export type AddModules = (names: readonly string[]) => void

/**
 * Lets ES modules be patched; what is `require`d is patched without hooks. Hooks on a thread are deprecated, with a warning
 * from Node 26; synchronous ones do not work on early 22 and 24.
 */
export function registerHooks(): AddModules {
  const hooks = load(HOOKS) as Hooks
  return hooks.supportsSyncHooks() ? registerHere(hooks.register) : registerThere()
}

/** Its own declarations leave out `shouldInclude`, which its manual describes. */
interface Hooks {
  supportsSyncHooks(): boolean
  register(options: { readonly shouldInclude: (url: string, specifier: string) => boolean }): void
}

function registerHere(register: Hooks['register']): AddModules {
  const wrapped = new Set(bothNames(PATCHED))
  register({ shouldInclude: (url, specifier) => wrapped.has(specifier) || wrapped.has(url) })
  return (names) => bothNames(names).forEach((name) => wrapped.add(name))
}

function registerThere(): AddModules {
  const { port1, port2 } = new MessageChannel()
  const data = { include: [...PATCHED], addHookMessagePort: port2 }
  registerOnThread('import-in-the-middle/hook.mjs', { parentURL: import.meta.url, data, transferList: [port2] })
  return (names) => {
    port1.postMessage(names)
    waitForAnswer(port1)
  }
}

/** Without turning the event loop: the next `import` must find what was added. */
function waitForAnswer(port: MessagePort): void {
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  const limit = performance.now() + HOOKS_THREAD_MS
  while (!receiveMessageOnPort(port) && performance.now() < limit) Atomics.wait(nothing, 0, 0, 1)
}

/** Built-in modules may be imported with and without their prefix. */
const bothNames = (names: readonly string[]): string[] =>
  names.flatMap((name) => (builtinModules.includes(name) ? [name, `node:${name}`] : [name]))

/** The version of a package; its folder is found from whatever of it can be loaded, since few let their package.json be. */
function installed(name: string): string | undefined {
  try {
    const entry = load.resolve(name === 'import-in-the-middle' ? HOOKS : name)
    for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = manifestIn(folder)
      if (manifest?.name === name) return manifest.version
    }
  } catch {
    // It is not there.
  }
  return undefined
}

function manifestIn(folder: string): { readonly name?: string; readonly version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string }
  } catch {
    return undefined
  }
}

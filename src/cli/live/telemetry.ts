// Looks at OpenTelemetry from inside the application: not which packages are there, but whether recording works.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installed, readManifest } from '../project.ts'
import type { ApiReport, TelemetryReport } from './report.ts'

const API = '@opentelemetry/api'
const load = createRequire(import.meta.url)

interface Api {
  readonly context: {
    active(): Context
    with(context: Context, run: () => Promise<boolean>): Promise<boolean>
  }
  readonly trace: {
    getTracerProvider(): Provider
    getActiveSpan(): { spanContext(): object } | undefined
  }
  createContextKey(name: string): symbol
}
interface Context {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): Context
}
interface Provider {
  getDelegate?(): Provider
  readonly constructor: { readonly name: string }
  readonly _resource?: { readonly attributes?: Readonly<Record<string, unknown>> }
  readonly resource?: Provider['_resource']
}

/** Whether anyone registered an SDK, read where all copies of the API look. */
export const isSdkRegistered = (): boolean => {
  const shared = (globalThis as Readonly<Record<symbol, { readonly trace?: unknown } | undefined>>)[
    Symbol.for('opentelemetry.js.api.1')
  ]
  return shared?.trace !== undefined
}

export async function lookAtTelemetry(urls: readonly string[], late: boolean): Promise<TelemetryReport | undefined> {
  const folders = [...urls.map((url) => dirname(fileURLToPath(url))), dirname(process.argv[1] ?? ''), process.cwd()]
  const own = folders.map((folder) => installed(API, folder)?.folder).find((folder) => folder !== undefined)
  if (!own) return undefined
  const api = load(own) as Api
  const all = new Set([own, ...folders.map((folder) => installed(API, folder)?.folder), ...loadedCopies()])
  return {
    apis: [...all].filter((folder) => folder !== undefined).map(describe),
    contextWorks: await contextWorks(api),
    instanceId: instanceIdOf(providerOf(api)),
    http: isPatched(httpEmit()),
    koa: loadedKoa() && (isPatched(patchedUse) || isPatched(loadedKoa()?.prototype.use)),
    late,
  }
}

/** Whether a task of this request would find a span to hang under. */
export function hasActiveSpan(url: string): boolean {
  const copy = installed(API, dirname(fileURLToPath(url)))
  return copy !== undefined && (load(copy.folder) as Api).trace.getActiveSpan() !== undefined
}

/** ES modules are not listed; whoever loads a copy as one has it among the folders above, or does not matter to tasks. */
function loadedCopies(): string[] {
  const folders = Object.keys(load.cache).flatMap(
    (path) => /^(.*[\\/]@opentelemetry[\\/]api)[\\/]/.exec(path)?.[1] ?? [],
  )
  return [...new Set(folders)]
}

const describe = (folder: string): ApiReport => ({
  folder,
  version: readManifest(folder)?.version ?? '',
  records: isRecording(load(folder) as Api),
})

const isRecording = (api: Api): boolean => providerOf(api).constructor.name !== 'NoopTracerProvider'

function providerOf({ trace }: Api): Provider {
  const provider = trace.getTracerProvider()
  return provider.getDelegate?.() ?? provider
}

async function contextWorks({ context, createContextKey }: Api): Promise<boolean> {
  const key = createContextKey('koa-afterglow doctor')
  return context.with(context.active().setValue(key, true), async () => {
    await new Promise((resolve) => setImmediate(resolve))
    return context.active().getValue(key) === true
  })
}

function instanceIdOf(provider: Provider): string | undefined {
  const id = (provider._resource ?? provider.resource)?.attributes?.['service.instance.id']
  return typeof id === 'string' ? id : undefined
}

/** As the instrumentations of OpenTelemetry mark what they have wrapped. */
const isPatched = (method: unknown): boolean =>
  (method as { readonly __wrapped?: boolean } | undefined)?.__wrapped === true

const httpEmit = (): unknown => (load('node:http') as typeof import('node:http')).Server.prototype.emit

export interface KoaClass {
  readonly prototype: {
    use(this: { readonly middleware: readonly { readonly name: string }[] }, middleware: object): unknown
  }
}

/** Koa, once it is loaded: ES modules get it by way of the same file. */
export function loadedKoa(): KoaClass | undefined {
  const path = Object.keys(load.cache).find((one) => one.endsWith(join('koa', 'lib', 'application.js')))
  return path === undefined ? undefined : (load.cache[path]?.exports as KoaClass | undefined)
}

/** Without what `watchMounts` has put round it. */
let patchedUse: unknown
export const rememberUse = (use: unknown): void => void (patchedUse ??= use)

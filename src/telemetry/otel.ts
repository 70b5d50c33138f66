/**
 * `node --import koa-afterglow/otel app.js`: traces, metrics and logs of Koa, pino and the tasks, sent by OTLP, configured
 * by `OTEL_*`. Also `--require`. Loading it again, in either module format, starts nothing again.
 */
import { setImmediate, setTimeout } from 'node:timers'
import { isMainThread } from 'node:worker_threads'
import { Exports, isAnyoneElseActive } from './otel-exports.ts'
import { loadPackages, registerHooks, requirePackages } from './otel-packages.ts'
import type { AddModules, Packages } from './otel-packages.ts'
import { ExportReport, reasonOf, say } from './otel-report.ts'
import { startSdk } from './otel-sdk.ts'
import type { Sdk } from './otel-sdk.ts'

const KEY = Symbol.for('koa-afterglow.otel')

/** What `instrument()` needs of an instrumentation: those of OpenTelemetry for Node.js have it. */
export interface Instrumentation {
  getModuleDefinitions(): readonly { readonly name: string }[]
  setMeterProvider(provider: ReturnType<Packages['api']['metrics']['getMeterProvider']>): void
}

interface Started extends Sdk {
  readonly instrument: (instrumentations: readonly Instrumentation[]) => void
}

const shared = globalThis as { [KEY]?: Started }
const started = (shared[KEY] ??= start())

/** Flushes and ends telemetry, in 3 s at most. Never rejects; every call gives the same promise. */
export const shutdown = (): Promise<void> => started.shutdown()

/**
 * Adds instrumentations to those of HTTP, Koa and pino. Call it before the application imports what they patch, in a file
 * of its own: `node --import ./telemetry.js app.js`. Does nothing with OTEL_SDK_DISABLED.
 */
export const instrument = (...instrumentations: readonly Instrumentation[]): void =>
  started.instrument(instrumentations)

function start(): Started {
  const done = Promise.resolve()
  const off = { shutdown: () => done, instrument: () => undefined }
  // In a pool of threads there would be as many SDKs under the name of one process.
  if (!isMainThread || process.env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return off
  requirePackages()
  try {
    const packages = loadPackages()
    const exporting = new Exports(new ExportReport(say))
    exporting.watch(packages.exporterBase.OTLPExporterBase.prototype)
    const addModules = registerHooks()
    const sdk = endOnce(startSdk(packages, exporting.isExporting), exporting)
    return { ...sdk, instrument: (more) => more.forEach((one) => add(one, addModules, packages)) }
  } catch (error) {
    say(`OpenTelemetry could not be started, and the application runs without it: ${reasonOf(error)}`)
    return off
  }
}

/** It has patched what is `require`d since it was made, for the SDK that runs; ES modules it reaches only through the hooks. */
function add(instrumentation: Instrumentation, addModules: AddModules, { api }: Packages): void {
  addModules(instrumentation.getModuleDefinitions().map(({ name }) => name))
  instrumentation.setMeterProvider(api.metrics.getMeterProvider())
}

function endOnce(sdk: Sdk, exporting: Exports): Sdk {
  let ended: Promise<void> | undefined
  const once = { shutdown: () => (ended ??= end(sdk, exporting)) }
  let woken = false
  // The first listener of `beforeExit` waits for those of the application, whose last work is to be seen as well.
  process.on('beforeExit', () => {
    if (ended) return
    setImmediate(() => {
      if (woken || !isAnyoneElseActive(0)) void once.shutdown()
      woken = true
    })
  })
  return once
}

async function end(sdk: Sdk, exporting: Exports): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const capMs = exporting.stop()
  // Not unref'd: nothing else keeps the process alive until the last batch is out.
  const cap = new Promise<void>((resolve) => (timer = setTimeout(resolve, capMs)))
  try {
    await Promise.race([sdk.shutdown(), cap])
  } catch {
    // Exports that fail are reported where they are watched.
  } finally {
    clearTimeout(timer)
    exporting.close()
  }
}

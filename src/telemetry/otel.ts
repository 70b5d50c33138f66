/**
 * `node --import koa-afterglow/otel app.js`: traces, metrics and logs of Koa, pino and the tasks, sent by OTLP, configured
 * by `OTEL_*`. Also `--require`. Loading it again, in either module format, starts nothing again.
 */
import { setImmediate, setTimeout } from 'node:timers'
import { isMainThread } from 'node:worker_threads'
import { Exports, isAnyoneElseActive } from './otel-exports.ts'
import { loadPackages, registerHooks, requirePackages } from './otel-packages.ts'
import { ExportReport, reasonOf, say } from './otel-report.ts'
import { startSdk } from './otel-sdk.ts'
import type { Sdk } from './otel-sdk.ts'

const KEY = Symbol.for('koa-afterglow.otel')

const shared = globalThis as { [KEY]?: Sdk }
const started = (shared[KEY] ??= start())

/** Flushes and ends telemetry, in 3 s at most. Never rejects; every call gives the same promise. */
export const shutdown = (): Promise<void> => started.shutdown()

function start(): Sdk {
  const done = Promise.resolve()
  const off = { shutdown: () => done }
  // In a pool of threads there would be as many SDKs under the name of one process.
  if (!isMainThread || process.env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return off
  requirePackages()
  try {
    const packages = loadPackages()
    const exporting = new Exports(new ExportReport(say))
    exporting.watch(packages.exporterBase.OTLPExporterBase.prototype)
    registerHooks()
    return endOnce(startSdk(packages, exporting.isExporting), exporting)
  } catch (error) {
    say(`OpenTelemetry could not be started, and the application runs without it: ${reasonOf(error)}`)
    return off
  }
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

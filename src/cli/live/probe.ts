// Loaded before everything else in each Node process of the command that doctor runs. It writes down what it sees, holds
// nothing open, and changes nothing but that `app.use()` is noted.
import { subscribe } from 'node:diagnostics_channel'
import { renameSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { setInspector } from '../../core/inspection.ts'
import type { InspectedRunner } from '../../core/inspection.ts'
import { FOLDER_VARIABLE } from './report.ts'
import type { Report, RunnerReport, TelemetryReport } from './report.ts'
import { hasActiveSpan, isSdkRegistered, loadedKoa, lookAtTelemetry, rememberUse } from './telemetry.ts'

/** After it listens, an application may still be composing itself. */
const SETTLE_MS = 300

const seen = {
  listening: [] as number[],
  runners: [] as InspectedRunner[],
  made: new Set<object>(),
  watching: false,
  mounted: [] as Report['mounted'][number][],
  requests: 0,
  requestsWithSpan: 0,
  shutdown: undefined as Report['shutdown'],
  koaBeforeSdk: undefined as boolean | undefined,
  telemetry: undefined as TelemetryReport | undefined,
  exitCode: undefined as number | undefined,
}
const folder = process.env[FOLDER_VARIABLE]
if (folder && isMainThread) watch(folder)

function watch(into: string): void {
  const write = (): void => {
    const path = join(into, `${process.pid}.json`)
    // Doctor must never read half a file.
    writeFileSync(`${path}.part`, JSON.stringify(report()))
    renameSync(`${path}.part`, path)
  }
  setInspector({
    runner(runner) {
      seen.runners.push(runner)
      watchMounts()
    },
    middleware(made) {
      seen.made.add(made)
      watchMounts()
    },
    request() {
      seen.requests++
      const [runner] = seen.runners
      if (runner && hasActiveSpan(runner.url)) seen.requestsWithSpan++
      setTimeout(write, SETTLE_MS).unref()
    },
    shutdown(facts) {
      seen.shutdown = facts
    },
  })
  subscribe('tracing:module.require:end', (message) => {
    const { id, parentFilename } = message as { id: string; parentFilename: string }
    if (id === 'koa' || /[\\/]koa[\\/]lib[\\/]application\.js$/.test(parentFilename))
      seen.koaBeforeSdk ??= !isSdkRegistered()
  })
  subscribe('tracing:net.server.listen:asyncEnd', (message) => {
    const address = (message as { server: Server }).server.address()
    if (typeof address === 'object' && address) seen.listening.push(address.port)
    setTimeout(() => void look().then(write), SETTLE_MS).unref()
  })
  // What became of the tasks is known at the end only.
  process.on('exit', (code) => {
    seen.exitCode = code
    if (seen.runners.length > 0 || seen.listening.length > 0) write()
  })
}

async function look(): Promise<void> {
  const late = seen.koaBeforeSdk === true && isSdkRegistered()
  seen.telemetry = await lookAtTelemetry(
    seen.runners.map(({ url }) => url),
    late,
  )
}

/**
 * `app.use` is looked up before `tasks.middleware()` is called, so this comes with the runner, or with Koa, whichever is later.
 * Instrumentation should be there by then: what it has wrapped can no longer be told from other middleware.
 */
function watchMounts(): void {
  const prototype = loadedKoa()?.prototype
  if (!prototype || seen.watching) return
  seen.watching = true
  const { use } = prototype
  rememberUse(use)
  prototype.use = function (middleware) {
    if (seen.made.has(middleware)) {
      const names = this.middleware.map(({ name }) => name).filter((name) => name !== '')
      seen.mounted.push({ above: this.middleware.length, names })
    }
    return use.call(this, middleware)
  }
}

function report(): Report {
  const ours = (globalThis as Readonly<Record<symbol, { readonly rejected?: unknown } | undefined>>)[
    Symbol.for('koa-afterglow.stray-errors')
  ]
  const flags = [...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/), ...process.execArgv].join(' ')
  const { listening, requests, requestsWithSpan, shutdown, telemetry, mounted, exitCode } = seen
  return {
    pid: process.pid,
    node: process.versions.node,
    entry: process.argv[1] ?? '',
    koa: loadedKoa() !== undefined,
    listening,
    requests,
    requestsWithSpan,
    shutdown,
    telemetry,
    mounted,
    exitCode,
    runners: seen.runners.map(describe),
    middlewareMade: seen.made.size > 0,
    rejectionMode: [...flags.matchAll(/--unhandled-rejections[= ](\S+)/g)].at(-1)?.[1],
    foreignListeners: process.listeners('unhandledRejection').filter((one) => one !== ours?.rejected).length,
    sigtermListeners: process.listenerCount('SIGTERM'),
    sourceMaps: process.sourceMapsEnabled,
  }
}

function describe(runner: InspectedRunner): RunnerReport {
  const { version, url, contains } = runner
  return { version, url, contains, names: runner.names(), ...runner.stats() }
}

// Watches OTLP exports and lets go of them. Left alone, the SDK says nothing of failures, or one stack trace each; and its
// retries keep a process that has finished alive: ten seconds per batch, minutes for a full queue.
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers'
import { isGrpc, onCall } from './otel-grpc.ts'
import type { ExportResult, OtlpExporter } from './otel-packages.ts'
import { configuredEndpoint, reasonOf, withoutCredentials } from './otel-report.ts'
import type { ExportReport, Signal } from './otel-report.ts'

/** How long a process with nothing else to do waits for an answer, and how long the final flush may take. */
const CAP_MS = 3_000
/** The final flush, to a collector for which the process has waited already. */
const SHORT_CAP_MS = 500
const LOOK_MS = 250
const LAST_RETRY_MS = 250

interface Export {
  readonly signal: Signal
  readonly startedAt: number
  /** Of the last attempt, as far as it is known. */
  endpoint: string
  reason: string | undefined
  request: { readonly socket: Socket | null; destroy(): void } | undefined
  /** Ends the wait for the next attempt: with that attempt, or without. */
  endWait: ((retry: boolean) => void) | undefined
  finish(result: ExportResult): void
}

export class Exports {
  readonly #report: ExportReport
  readonly #pending = new Set<Export>()
  readonly #current = new AsyncLocalStorage<Export>()
  readonly #seen = new WeakSet<object>()
  #looking: NodeJS.Timeout | undefined
  #stopping = false
  #closed = false
  #lettingGo = false
  #waitedInVain = false

  constructor(report: ExportReport) {
    this.#report = report
  }

  /** All OTLP exporters inherit `export()` from here, whatever the signal and the protocol, also those of a config file. */
  watch(prototype: OtlpExporter): void {
    const send = prototype.export
    const watched = (exporter: OtlpExporter, items: unknown, done: (result: ExportResult) => void): void => {
      if (this.#closed || this.#lettingGo) return done(failed('the process is ending'))
      this.#waitGently(exporter)
      const one = this.#begin(exporter, done)
      try {
        this.#current.run(one, () => send.call(exporter, items, one.finish))
      } catch (error) {
        one.finish(failed(reasonOf(error)))
      }
    }
    prototype.export = function (this: OtlpExporter, items, done) {
      watched(this, items, done)
    }
    subscribe('http.client.request.created', this.#requested)
  }

  /** Whether the code that runs is an export, which must not be measured as if it were the application's own request. */
  readonly isExporting = (): boolean => this.#current.getStore() !== undefined

  /**
   * What is sent from now on is the last: it gets quick retries, and none where the collector is known to be away.
   * Returns how long to wait for it.
   */
  stop(): number {
    this.#stopping = true
    for (const one of this.#pending) one.endWait?.(!this.#report.isFailing(one.signal))
    return this.#waitedInVain ? SHORT_CAP_MS : CAP_MS
  }

  /** Nothing holds the process after this. */
  close(): void {
    this.#closed = true
    this.#letGo()
    unsubscribe('http.client.request.created', this.#requested)
  }

  #begin(exporter: OtlpExporter, done: (result: ExportResult) => void): Export {
    const signal = signalOf(exporter)
    const one: Export = {
      signal,
      startedAt: performance.now(),
      endpoint: configuredEndpoint(signal),
      reason: undefined,
      request: undefined,
      endWait: undefined,
      finish: (result) => {
        if (!this.#pending.delete(one)) return
        // The SDK sets its next timer from here, in the context that holds this export.
        one.request = undefined
        if (result.code === 0) this.#worked(signal)
        else this.#report.failed(signal, one.endpoint, one.reason ?? reasonOf(result.error))
        done(result)
      },
    }
    this.#pending.add(one)
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref()
    return one
  }

  #worked(signal: Signal): void {
    this.#waitedInVain = false
    this.#report.worked(signal)
  }

  /** The SDK waits for its next attempt on a timer that holds the process. */
  #waitGently(exporter: OtlpExporter): void {
    const { _transport: transport } = (exporter as { _delegate?: { _transport?: Transport } })._delegate ?? {}
    if (!transport || this.#seen.has(transport)) return
    this.#seen.add(transport)
    // gRPC retries on its own, within the deadline of the call.
    if (isGrpc(transport)) return onCall(transport, this.#called)
    if (!transport.retry) return
    const retry = transport.retry.bind(transport)
    transport.retry = async (data, timeoutMillis, inMillis) => {
      const one = this.#current.getStore()
      const again = one === undefined || (await this.#wait(one, inMillis))
      return again
        ? retry(data, timeoutMillis, one ? 0 : inMillis)
        : { status: 'failure', error: new Error(one.reason) }
    }
  }

  #wait(one: Export, ms: number): Promise<boolean> {
    if (!this.#pending.has(one) || (this.#stopping && this.#report.isFailing(one.signal))) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => one.endWait?.(true), this.#stopping ? Math.min(ms, LAST_RETRY_MS) : ms).unref()
      one.endWait = (retry) => {
        one.endWait = undefined
        clearTimeout(timer)
        resolve(retry)
      }
    })
  }

  /** Notes where an attempt goes and what became of it; a batch on its way is no reason for a finished process to live. */
  readonly #requested = (message: unknown): void => {
    const one = this.#current.getStore()
    if (!one || !this.#pending.has(one)) return
    const { request } = message as { request: ClientRequest }
    one.request = request
    one.endpoint = withoutCredentials(`${request.protocol}//${String(request.getHeader('host'))}${request.path}`)
    one.reason = undefined
    request.once('socket', (socket) => socket.unref())
    request.once('error', (error) => (one.reason ??= reasonOf(error)))
    request.once('response', ({ statusCode = 0, statusMessage = '' }) => {
      if (statusCode > 299) one.reason = `${statusCode} ${statusMessage}`.trim()
    })
  }

  readonly #called = (call: { cancel(): void }): void => {
    const one = this.#current.getStore()
    if (one) one.request = { socket: null, destroy: () => call.cancel() }
  }

  /**
   * Of an export, the SDK's own timeout holds the process, and an attempt to connect. If that is all that does, the
   * application has finished; then what fails or hangs is let go.
   */
  #look(): void {
    if (this.#pending.size === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
      return
    }
    const now = performance.now()
    const all = [...this.#pending]
    const hopeless = all.every((one) => one.endWait || one.reason || now - one.startedAt > CAP_MS)
    const connecting = all.filter(({ request }) => request && (!request.socket || request.socket.connecting))
    if (!hopeless || isAnyoneElseActive(all.length + connecting.length)) return
    // The SDK hands over the rest of its queues as soon as a batch has failed; none of it may start over.
    this.#lettingGo = true
    this.#waitedInVain = true
    setImmediate(() => (this.#lettingGo = false))
    this.#letGo()
  }

  #letGo(): void {
    for (const one of this.#pending) {
      one.reason ??= `no answer in ${Math.round(performance.now() - one.startedAt)} ms`
      one.request?.destroy()
      one.endWait?.(false)
      one.finish(failed(one.reason))
    }
  }
}

interface Transport {
  retry?(data: unknown, timeoutMillis: number, inMillis: number): Promise<object>
}

/** Whether more keeps the process alive than `ours`, and the standard streams, which are listed but do not. */
export function isAnyoneElseActive(ours: number): boolean {
  const active = process.getActiveResourcesInfo().filter((type) => type !== 'TTYWrap')
  const pipes = active.filter((type) => type === 'PipeWrap').length
  return active.length - Math.min(pipes, 2) > ours
}

function signalOf(exporter: OtlpExporter): Signal {
  const { name } = exporter.constructor
  if (name.includes('Metric')) return 'metrics'
  return name.includes('Log') ? 'logs' : 'traces'
}

const failed = (reason: string): ExportResult => ({ code: 1, error: new Error(reason) })

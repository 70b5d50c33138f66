// What the user hears of exports: one line when they begin to fail, one when they work again.

export type Signal = 'traces' | 'metrics' | 'logs'

/** A collector that comes and goes must not fill the log. */
const QUIET_MS = 60_000

export class ExportReport {
  readonly #failing = new Map<Signal, string>()
  readonly #said = new Set<string>()
  readonly #say: (line: string) => void
  #saidAt = -Infinity

  constructor(write: (line: string) => void) {
    this.#say = write
  }

  isFailing(signal: Signal): boolean {
    return this.#failing.has(signal)
  }

  /** Signals that fail for the same reason, such as a collector that is not there, are one failure. */
  failed(signal: Signal, endpoint: string, reason: string): void {
    this.#failing.set(signal, reason)
    if (this.#said.has(reason) || performance.now() - this.#saidAt < QUIET_MS) return
    this.#said.add(reason)
    this.#saidAt = performance.now()
    this.#say(
      `${signal} cannot be exported to ${endpoint} (${reason}) and are dropped until that works; the app is not affected. ` +
        'OTEL_EXPORTER_OTLP_ENDPOINT names another collector, OTEL_SDK_DISABLED=true turns telemetry off',
    )
  }

  worked(signal: Signal): void {
    const reason = this.#failing.get(signal)
    if (reason === undefined) return
    this.#failing.delete(signal)
    if ([...this.#failing.values()].includes(reason)) return
    if (this.#said.delete(reason)) this.#say(`${signal} are exported again`)
  }
}

/** Without what a URL may carry of user, password and key. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/, '')
}

/** The endpoint as configured, for exports that reveal none, such as those over gRPC. */
export function configuredEndpoint(signal: Signal): string {
  const { env } = process
  const endpoint = env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`] || env['OTEL_EXPORTER_OTLP_ENDPOINT']
  return endpoint ? withoutCredentials(endpoint) : 'the OTLP endpoint'
}

export function reasonOf(error: unknown): string {
  const { code, message, errors } = (error ?? {}) as { code?: unknown; message?: string; errors?: readonly unknown[] }
  // A name with an IPv4 and an IPv6 address fails with one error for each, and no message of its own.
  if (Array.isArray(errors) && errors.length > 0 && !message) return reasonOf(errors.at(-1))
  if (message && typeof code === 'number' && !message.startsWith(`${code} `)) return `${code} ${message}`
  return message || (typeof code === 'string' && code) || 'unknown reason'
}

/** To stderr, since the application's logger is not known here and is one of the things that may not arrive. */
export function say(line: string): void {
  process.stderr.write(`koa-afterglow/otel: ${line}\n`)
}

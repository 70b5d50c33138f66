// Where the environment sends each signal, and whether anything there takes it: an export without content, as the exporter would send it.
import { readFileSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { connect } from 'node:http2'
import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { request as requestHttps } from 'node:https'

export type Signal = 'traces' | 'metrics' | 'logs'
export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

export interface Target {
  readonly signal: Signal
  readonly protocol: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly certificates: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
}

const SERVICES: Readonly<Record<Signal, string>> = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
}
const LIMIT_MS = 5_000

/** @throws if the endpoint is no URL or a certificate cannot be read */
export function targetOf(signal: Signal, env: Readonly<NodeJS.ProcessEnv>): Target {
  const own = (name: string): string | undefined =>
    env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`] || undefined
  const either = (name: string): string | undefined => own(name) ?? (env[`OTEL_EXPORTER_OTLP_${name}`] || undefined)
  const protocol = either('PROTOCOL') ?? 'http/protobuf'
  const port = protocol === 'grpc' ? 4317 : 4318
  const base = either('ENDPOINT') ?? `http://localhost:${port}`
  const url = new URL(/^\w+:\/\//.test(base) ? base : `http://${base}`)
  // A signal's own endpoint is taken as it is.
  if (protocol !== 'grpc' && !own('ENDPOINT')) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/${signal}`
  const file = (name: string): Buffer | undefined => {
    const path = either(name)
    return path === undefined ? undefined : readFileSync(path)
  }
  const [ca, cert, key] = [file('CERTIFICATE'), file('CLIENT_CERTIFICATE'), file('CLIENT_KEY')]
  return {
    signal,
    protocol,
    url,
    headers: { ...headersOf(env['OTEL_EXPORTER_OTLP_HEADERS']), ...headersOf(own('HEADERS')) },
    certificates: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
  }
}

function headersOf(text = ''): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='))
  return Object.fromEntries(
    pairs
      .filter(([name]) => name?.trim())
      .map(([name = '', ...value]) => [name.trim().toLowerCase(), decode(value.join('=').trim())]),
  )
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Undefined if the export was taken, else why not. */
export const probe = (target: Target): Promise<string | undefined> =>
  target.protocol === 'grpc' ? probeGrpc(target) : probeHttp(target)

function probeHttp({ url, headers, protocol, certificates }: Target): Promise<string | undefined> {
  const json = protocol === 'http/json'
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve) => {
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': json ? 'application/json' : 'application/x-protobuf', ...headers },
      signal: AbortSignal.timeout(LIMIT_MS),
      agent: false,
      ...certificates,
    })
    sent.once('error', (error) => resolve(reasonOf(error)))
    sent.once('response', (response) => {
      response.resume().on('error', () => undefined)
      const { statusCode = 0, statusMessage = '' } = response
      resolve(statusCode < 300 ? undefined : `${statusCode} ${statusMessage}`.trim())
    })
    // A protobuf message without fields has no bytes.
    sent.end(json ? '{}' : '')
  })
}

function probeGrpc({ url, headers, signal, certificates }: Target): Promise<string | undefined> {
  const session = connect(`${url.protocol === 'https:' ? 'https' : 'http'}://${url.host}`, certificates)
  const answered = new Promise<string | undefined>((resolve) => {
    const limit = setTimeout(() => resolve(`no answer in ${LIMIT_MS / 1_000} s`), LIMIT_MS)
    session.once('error', (error) => resolve(reasonOf(error)))
    session.once('close', () => clearTimeout(limit))
    const stream = session.request({
      ':method': 'POST',
      ':path': `/opentelemetry.proto.collector.${SERVICES[signal]}/Export`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    const judge = (from: IncomingHttpHeaders & IncomingHttpStatusHeader): void => {
      const status = from['grpc-status']
      if (status === undefined && from[':status'] === 200) return
      const message = String(from['grpc-message'] ?? from[':status'] ?? '')
      resolve(status === '0' ? undefined : `gRPC status ${String(status ?? 'missing')} ${message}`.trim())
    }
    stream.once('response', judge).once('trailers', judge)
    stream.once('error', (error) => resolve(reasonOf(error)))
    stream.once('close', () => resolve('the connection was closed without an answer'))
    stream.resume().end(Buffer.alloc(5))
  })
  return answered.finally(() => session.destroy())
}

/** A name with an IPv4 and an IPv6 address fails with one error for each, and no message of its own. */
function reasonOf(error: Error & { readonly code?: string; readonly errors?: readonly Error[] }): string {
  if (error.name === 'TimeoutError') return `no answer in ${LIMIT_MS / 1_000} s`
  return error.message || (error.errors?.at(-1)?.message ?? error.code ?? 'unknown reason')
}

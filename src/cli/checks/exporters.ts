// Whether what is exported arrives: a real, empty export to each configured endpoint.
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { probe, SIGNALS, targetOf } from '../otlp.ts'
import type { Signal, Target } from '../otlp.ts'
import type { Project } from '../project.ts'

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc']

export async function checkExporters({ env }: Project): Promise<Finding[]> {
  const exporter = finder('exporter')
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true')
    return [
      exporter.warn(
        'OTEL_SDK_DISABLED=true: nothing is recorded, and nothing sent',
        'unset it where telemetry is wanted',
      ),
    ]
  if (env['OTEL_CONFIG_FILE'])
    return [
      exporter.skip(`OTEL_CONFIG_FILE=${env['OTEL_CONFIG_FILE']} says where telemetry goes; doctor does not read it`),
    ]
  const checked = await Promise.all(SIGNALS.map((signal) => checkSignal(signal, env)))
  // One sentence for the usual case, one for each signal that differs.
  return checked.every(({ status }) => status === 'ok')
    ? [
        exporter.ok(
          `traces, metrics and logs are taken by ${new Set(checked.map(({ origin }) => origin)).values().next().value}`,
        ),
      ]
    : checked.map(({ origin: _, ...finding }) => finding)
}

async function checkSignal(signal: Signal, env: Project['env']): Promise<Finding & { readonly origin: string }> {
  const exporter = finder('exporter')
  const kind = env[`OTEL_${signal.toUpperCase()}_EXPORTER`]
  if (kind === 'none')
    return {
      origin: '',
      ...exporter.warn(
        `OTEL_${signal.toUpperCase()}_EXPORTER=none: ${signal} are not exported`,
        'unset it where they are wanted',
      ),
    }
  if (kind && !kind.split(',').includes('otlp'))
    return { origin: '', ...exporter.skip(`${signal} go to ${kind}; doctor probes OTLP only`) }
  const target = readTarget(signal, env)
  if (typeof target === 'string')
    return { origin: '', ...exporter.fail(`${signal}: ${target}`, 'correct the OTEL_EXPORTER_OTLP_* variables') }
  if (!PROTOCOLS.includes(target.protocol))
    return {
      origin: '',
      ...exporter.fail(`${signal}: there is no protocol ${target.protocol}`, `one of ${PROTOCOLS.join(', ')}`),
    }
  const { origin } = target.url
  const where = `${origin}${target.protocol === 'grpc' ? ' over gRPC' : target.url.pathname}`
  const reason = await probe(target)
  return reason === undefined
    ? { origin, ...exporter.ok(`${signal} are taken by ${where}`) }
    : { origin, ...exporter.fail(`${signal} cannot be exported to ${where}: ${reason}`, fixFor(reason, target)) }
}

function readTarget(signal: Signal, env: Project['env']): Target | string {
  try {
    return targetOf(signal, env)
  } catch (error) {
    return (error as Error).message
  }
}

function fixFor(reason: string, { url, protocol }: Target): string {
  if (/^40[13]/.test(reason)) return 'OTEL_EXPORTER_OTLP_HEADERS carries what the endpoint wants to see'
  if (/^40[45]/.test(reason)) return 'OTEL_EXPORTER_OTLP_ENDPOINT is the base; /v1/traces and the like are added to it'
  if (
    /socket hang up|HPE_|Parse Error|Protocol error|protocol/i.test(reason) ||
    (protocol !== 'grpc' && url.port === '4317')
  )
    return 'port 4317 speaks gRPC, 4318 HTTP: OTEL_EXPORTER_OTLP_PROTOCOL has to fit the port'
  return 'start the collector (otel-collector.yaml), or name another by OTEL_EXPORTER_OTLP_ENDPOINT'
}

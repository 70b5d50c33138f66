// Starts the SDK as the environment says, with other defaults where its own do not fit background tasks.
import type { DiagLogger } from '@opentelemetry/api'
import type { Packages } from './otel-packages.ts'
import { reasonOf, say } from './otel-report.ts'
import { defaultAttributes } from './otel-resource.ts'

export interface Sdk {
  shutdown(): Promise<void>
}
type Instrumentation = InstanceType<
  | Packages['http']['HttpInstrumentation']
  | Packages['koa']['KoaInstrumentation']
  | Packages['pino']['PinoInstrumentation']
>

export function startSdk(packages: Packages, isExporting: () => boolean): Sdk {
  const { diag, DiagLogLevel } = packages.api
  const { OTEL_LOG_LEVEL: logLevel, OTEL_CONFIG_FILE: file } = process.env
  // While it starts, the SDK speaks of configuration; later, of every single failure. With a file it brings its own logger.
  if (!logLevel && !file) diag.setLogger(startLogger(), DiagLogLevel.WARN)
  try {
    return withDefaults(DEFAULTS, () => {
      const instrumentations = instrumentationsOf(packages, isExporting)
      if (file) return startFromFile(packages, instrumentations)
      const { defaultResource, resourceFromAttributes } = packages.resources
      const resource = defaultResource().merge(resourceFromAttributes(defaultAttributes()))
      const sdk = new packages.sdk.NodeSDK({ resource, instrumentations })
      sdk.start()
      return sdk
    })
  } finally {
    if (!logLevel) diag.disable()
  }
}

/** The SDK gives instrumentations the meter provider of the environment, but not that of a file. */
function startFromFile({ sdk, api }: Packages, instrumentations: Instrumentation[]): Sdk {
  const started = sdk.startNodeSdk({ instrumentations })
  for (const one of instrumentations) one.setMeterProvider(api.metrics.getMeterProvider())
  return started
}

/** Chosen by the variables that users of OpenTelemetry's own automatic instrumentation know. */
function instrumentationsOf({ http, koa, pino }: Packages, isExporting: () => boolean): Instrumentation[] {
  const enabled = listOf('OTEL_NODE_ENABLED_INSTRUMENTATIONS')
  const disabled = listOf('OTEL_NODE_DISABLED_INSTRUMENTATIONS')
  const makers: Readonly<Record<string, () => Instrumentation>> = {
    http: () => new http.HttpInstrumentation({ ignoreOutgoingRequestHook: isExporting }),
    koa: () => new koa.KoaInstrumentation(),
    pino: () => new pino.PinoInstrumentation(),
  }
  return Object.entries(makers)
    .filter(([name]) => (enabled.length === 0 || enabled.includes(name)) && !disabled.includes(name))
    .map(([, make]) => make())
}

/**
 * Room for a request that adds 10,000 tasks, each of which ends in a span and a log line. The final flush sends all batches
 * of a queue at once, and an exporter refuses more than 30: hence 16 of 1,024.
 */
const DEFAULTS: Readonly<Record<string, string>> = {
  ...queueDefaults('OTEL_BSP'),
  ...queueDefaults('OTEL_BLRP'),
  // The last one wins: what the user says of this process.
  OTEL_NODE_RESOURCE_DETECTORS: 'host,os,serviceinstance,env',
  // `otel.sdk.*`: what a full queue drops and an exporter fails to send is counted, so that an alert can rest on it.
  OTEL_NODE_EXPERIMENTAL_SDK_METRICS: 'true',
}

function queueDefaults(prefix: string): Record<string, string> {
  const queue = Number(process.env[`${prefix}_MAX_QUEUE_SIZE`]) || 16_384
  return { [`${prefix}_MAX_QUEUE_SIZE`]: `${queue}`, [`${prefix}_MAX_EXPORT_BATCH_SIZE`]: `${Math.min(1_024, queue)}` }
}

/** The SDK reads the environment while it starts. What the user did not set is unset again: children inherit it. */
function withDefaults<Result>(defaults: Readonly<Record<string, string>>, run: () => Result): Result {
  const { env } = process
  const unset = Object.keys(defaults).filter((name) => !env[name])
  for (const name of unset) env[name] = defaults[name]
  try {
    return run()
  } finally {
    for (const name of unset) delete env[name]
  }
}

function startLogger(): DiagLogger {
  const ignore = (): void => undefined
  const said = new Set<string>()
  const warn = (...parts: readonly unknown[]): void => {
    const [line = ''] = parts
      .map((part) => (typeof part === 'string' ? part : reasonOf(part)))
      .join(' ')
      .split('\n')
    // What is wrong for all signals is said for each; and a signal that the user has turned off is no news.
    if (said.has(line) || line.includes('"none"')) return
    said.add(line)
    say(line)
  }
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore }
}

const listOf = (name: string): string[] =>
  (process.env[name] ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

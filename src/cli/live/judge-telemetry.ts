// What the reports say of OpenTelemetry: from the SDK inwards, since each step rests on the one before it.
import { finder } from '../finding.ts'
import type { Finding } from '../finding.ts'
import type { Report, TelemetryReport } from './report.ts'

const PRELOAD = 'node --import koa-afterglow/otel app.js'

/** `serving` are all processes with tasks, `app` the one of them that was looked at. */
export function judgeTelemetry(app: Report, serving: readonly Report[]): Finding[] {
  const live = finder('live-sdk')
  const { telemetry } = app
  if (!telemetry) return [live.fail('@opentelemetry/api was not found', 'npm install @opentelemetry/api')]
  const [own] = telemetry.apis
  const deaf = telemetry.apis.filter(({ records }) => !records)
  if (deaf.length === telemetry.apis.length)
    return [
      live.warn('no OpenTelemetry SDK is registered: tasks have no spans and no metrics', `start one: ${PRELOAD}`),
    ]
  if (!own?.records)
    return [
      live.fail(
        `an SDK is registered, but not with the @opentelemetry/api ${own?.version} (${own?.folder}) that tasks use: they record nothing`,
        'one version of @opentelemetry/api: npm dedupe, or "overrides" in package.json',
      ),
    ]
  return [
    deaf.length > 0
      ? live.warn(
          `tasks are recorded; whoever uses @opentelemetry/api ${deaf.map(({ version, folder }) => `${version} (${folder})`).join(', ')} is not`,
          'one version of it: npm dedupe, or "overrides" in package.json',
        )
      : live.ok('an SDK is registered, and tasks record to it'),
    judgeContext(telemetry),
    judgeHttp(telemetry, app),
    judgeKoa(telemetry),
    judgeInstance(serving),
  ]
}

function judgeContext({ contextWorks }: TelemetryReport): Finding {
  const context = finder('context')
  return contextWorks
    ? context.ok('context follows an await')
    : context.fail(
        'context does not follow an await: every span is a trace of its own',
        'register a context manager: AsyncLocalStorageContextManager of @opentelemetry/context-async-hooks',
      )
}

function judgeHttp({ http, late }: TelemetryReport, { requests, requestsWithSpan }: Report): Finding {
  const found = finder('http-spans')
  if (requests > 0)
    return requestsWithSpan === requests
      ? found.ok('requests have a span, and tasks hang under it')
      : found.fail(
          `${requests - requestsWithSpan} of ${requests} requests had no span: their tasks are traces of their own`,
          late ? lateFix : httpFix,
        )
  return http
    ? found.ok('http is instrumented')
    : found.warn('http is not patched by an instrumentation; --request PATH tells for sure', httpFix)
}

const httpFix = `@opentelemetry/instrumentation-http, started before the app: ${PRELOAD}`
const lateFix = `start OpenTelemetry before the app, by a flag: ${PRELOAD}`

function judgeKoa({ koa, late }: TelemetryReport): Finding {
  const found = finder('koa-spans')
  if (koa) return found.ok('koa was instrumented before it was used')
  return late
    ? found.fail('OpenTelemetry was started after Koa had been loaded: no middleware spans, and no http.route', lateFix)
    : found.warn(
        'koa is not patched by an instrumentation: no middleware spans, and no http.route',
        `@opentelemetry/instrumentation-koa, by ${PRELOAD}`,
      )
}

function judgeInstance(serving: readonly Report[]): Finding {
  const instance = finder('live-instance-id')
  const ids = serving.map(({ telemetry }) => telemetry?.instanceId).filter((id) => id !== undefined)
  if (ids.length === 0)
    return instance.warn(
      'no service.instance.id: the counters of two processes are added into one series',
      'OTEL_NODE_RESOURCE_DETECTORS=host,serviceinstance,env',
    )
  return new Set(ids).size < ids.length
    ? instance.fail(
        `${ids.length} processes share a service.instance.id`,
        'leave it out of OTEL_RESOURCE_ATTRIBUTES: each process then makes its own',
      )
    : instance.ok(ids.length > 1 ? `${ids.length} processes, an id each` : 'the process has an id of its own')
}

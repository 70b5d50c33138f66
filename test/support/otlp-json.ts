// What the collector's file exporter writes, as a test reads it: one OTLP/JSON request per line.
export type Attributes = Record<string, unknown>

export interface ExportedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  /** From its start to its end. */
  readonly seconds?: number
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: Attributes
  readonly links: { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[]
  readonly resource: Attributes
}

/** One data point of one metric: `value` of a sum or gauge, `count` of a histogram. */
export interface ExportedPoint {
  readonly metric: string
  readonly unit: string | undefined
  readonly value: number | undefined
  readonly count: number | undefined
  readonly attributes: Attributes
  readonly exemplars: { readonly traceId: string; readonly spanId: string; readonly value: number | undefined }[]
  readonly resource: Attributes
}

export interface ExportedLog {
  readonly body: unknown
  readonly eventName: string | undefined
  readonly severityNumber: number | undefined
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  readonly attributes: Attributes
  readonly resource: Attributes
}

// OTLP/JSON, as far as it is read here.
interface AnyValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number
  arrayValue?: { values?: AnyValue[] }
  kvlistValue?: { values?: KeyValue[] }
}
interface KeyValue {
  key: string
  value: AnyValue
}
interface WithAttributes {
  attributes?: KeyValue[]
}
interface Reference {
  traceId: string
  spanId: string
}
interface NumberJson {
  asInt?: string
  asDouble?: number
}
interface SpanJson extends WithAttributes, Reference {
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  status?: { code?: number; message?: string }
  links?: (Reference & WithAttributes)[]
}
interface PointsJson {
  dataPoints: (WithAttributes & NumberJson & { count?: string; exemplars?: (Reference & NumberJson)[] })[]
}
interface MetricJson {
  name: string
  unit?: string
  sum?: PointsJson
  gauge?: PointsJson
  histogram?: PointsJson
}
interface LogJson extends WithAttributes {
  body?: AnyValue
  eventName?: string
  severityNumber?: number
  traceId?: string
  spanId?: string
}
export interface TracesJson {
  resourceSpans?: { resource: WithAttributes; scopeSpans: { spans: SpanJson[] }[] }[]
}
export interface MetricsJson {
  resourceMetrics?: { resource: WithAttributes; scopeMetrics: { metrics: MetricJson[] }[] }[]
}
export interface LogsJson {
  resourceLogs?: { resource: WithAttributes; scopeLogs: { logRecords: LogJson[] }[] }[]
}

export function spansOf({ resource, scopeSpans }: NonNullable<TracesJson['resourceSpans']>[number]): ExportedSpan[] {
  const spans = scopeSpans.flatMap((scope) => scope.spans)
  return spans.map(({ traceId, spanId, parentSpanId, name, kind, status, links, attributes, ...times }) => ({
    traceId,
    spanId,
    parentSpanId: parentSpanId || undefined,
    name,
    kind,
    seconds: Number(BigInt(times.endTimeUnixNano) - BigInt(times.startTimeUnixNano)) / 1e9,
    status: status ?? {},
    attributes: record(attributes),
    links: (links ?? []).map((link) => ({ ...link, attributes: record(link.attributes) })),
    resource: record(resource.attributes),
  }))
}

export function pointsOf({
  resource,
  scopeMetrics,
}: NonNullable<MetricsJson['resourceMetrics']>[number]): ExportedPoint[] {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics)
  return metrics.flatMap(({ name, unit, sum, gauge, histogram }) =>
    ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((point) => ({
      metric: name,
      unit,
      value: numberOf(point),
      count: point.count === undefined ? undefined : Number(point.count),
      attributes: record(point.attributes),
      exemplars: (point.exemplars ?? []).map((exemplar) => ({
        traceId: exemplar.traceId,
        spanId: exemplar.spanId,
        value: numberOf(exemplar),
      })),
      resource: record(resource.attributes),
    })),
  )
}

export function logsOf({ resource, scopeLogs }: NonNullable<LogsJson['resourceLogs']>[number]): ExportedLog[] {
  const records = scopeLogs.flatMap((scope) => scope.logRecords)
  return records.map(({ body, eventName, severityNumber, traceId, spanId, attributes }) => ({
    body: body && valueOf(body),
    eventName,
    severityNumber,
    traceId: traceId || undefined,
    spanId: spanId || undefined,
    attributes: record(attributes),
    resource: record(resource.attributes),
  }))
}

function record(attributes: KeyValue[] = []): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf(value: AnyValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(valueOf)
  if (value.kvlistValue) return record(value.kvlistValue.values)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}

function numberOf({ asInt, asDouble }: NumberJson): number | undefined {
  return asDouble ?? (asInt === undefined ? undefined : Number(asInt))
}

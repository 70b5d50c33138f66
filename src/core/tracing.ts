/**
 * What a tracing observer keeps on requests, records and attempts. Core carries these and looks into none of them; each has
 * a type of its own, so that none is taken for another.
 */

/** The ids of a span, as W3C Trace Context has them; `traceFlags` is odd if its trace is sampled. */
export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
}

/** On a record: what its spans are children of, or link to. */
export interface TraceOrigin {
  readonly spanContext: SpanIds | undefined
  readonly baggage: unknown
}

/** On a request: the origin of its tasks, and what is decided for all of them at once. */
export interface RequestTrace extends TraceOrigin {
  /** Whole milliseconds since the process started. */
  readonly since: number
  linked: boolean
}

/** On an attempt: the OpenTelemetry context it runs in, with its span. */
export interface ActiveContext {
  getValue(key: symbol): unknown
}

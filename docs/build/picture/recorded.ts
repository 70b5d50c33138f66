// What docs/images/incident.json holds: the example shop as Prometheus and the collector had it.
export interface Recorded {
  readonly recordedOn: string
  /** Unix seconds. */
  readonly from: number
  readonly to: number
  readonly step: number
  readonly deploys: readonly { readonly at: number; readonly version: string }[]
  /** Runs that ended badly within each step. */
  readonly failures: readonly { readonly task: string; readonly counts: readonly number[] }[]
  readonly runs: number
  readonly causes: readonly Cause[]
  readonly alerts: readonly Alert[]
  /** A request and what it caused, by their start. */
  readonly trace: readonly TraceSpan[]
  readonly line: Line
}
export interface Cause {
  readonly route: string
  readonly task: string
  readonly error: string
  readonly failures: number
}
export interface Alert {
  readonly name: string
  readonly severity: string
  readonly state: string
  /** Unix seconds. */
  readonly since: number
  readonly summary: string
}
export interface TraceSpan {
  readonly name: string
  readonly isRequest: boolean
  /** Milliseconds since the request began. */
  readonly startMs: number
  readonly endMs: number
  readonly outcome: string
  readonly message: string
}
/** Of the log, about the last attempt. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly error: string
  readonly location: string
  readonly task: string
  readonly traceId: string
  readonly request: string
}

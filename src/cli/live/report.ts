// What the probe inside a process of the application writes down for doctor, one file per process.

/** The folder for the files; the probe does nothing without it. */
export const FOLDER_VARIABLE = 'KOA_AFTERGLOW_DOCTOR'

export interface RunnerReport {
  readonly version: string
  readonly url: string
  readonly contains: boolean
  readonly names: readonly string[]
  readonly submissions: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, number>>
}

export interface ApiReport {
  readonly folder: string
  readonly version: string
  /** Whether what is recorded through this copy reaches an SDK. */
  readonly records: boolean
}

export interface TelemetryReport {
  readonly apis: readonly ApiReport[]
  readonly contextWorks: boolean
  readonly instanceId: string | undefined
  /** Whether instrumentation has patched what it is for; undefined where that is not loaded. */
  readonly http: boolean
  readonly koa: boolean | undefined
  /** An SDK, if there is one, came only after Koa had been loaded. */
  readonly late: boolean
}

export interface Report {
  readonly pid: number
  readonly node: string
  readonly entry: string
  readonly listening: readonly number[]
  readonly koa: boolean
  readonly runners: readonly RunnerReport[]
  /** Of each `app.use(tasks.middleware())`, how many middleware are above it, and which have a name. */
  readonly mounted: readonly { readonly above: number; readonly names: readonly string[] }[]
  readonly middlewareMade: boolean
  /** Requests that reached the middleware; those of them with a span to hang tasks under. */
  readonly requests: number
  readonly requestsWithSpan: number
  readonly shutdown:
    | { readonly deadlineMs: number; readonly signals: readonly string[]; readonly telemetry: boolean }
    | undefined
  readonly rejectionMode: string | undefined
  /** Listeners for `unhandledRejection` that are not this library's. */
  readonly foreignListeners: number
  readonly sigtermListeners: number
  readonly sourceMaps: boolean
  readonly telemetry: TelemetryReport | undefined
  /** Of the process itself, whatever npm or a shell around it makes of it; undefined if it was killed. */
  readonly exitCode: number | undefined
}

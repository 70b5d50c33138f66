import { InvalidOptionError } from '../core/errors.ts'
import { DEFAULT_RELATION_OPTIONS } from './relations.ts'
import { Failures } from './failures.ts'
import { Texts, type RedactOptions } from './texts.ts'
import type { TraceOptions } from './traces.ts'

/** What telemetry says, and how. */
export interface TelemetryOptions extends RedactOptions {
  /**
   * A task that may end later than this after its add gets a trace of its own, linked to its request; milliseconds. Match
   * it to the collector's `decision_wait`, which must be a little longer. @default 60000
   */
  readonly traceWindowMs?: number
  /** Says on each span which line called `add()`, at some microseconds a task. @default false */
  readonly addLocation?: boolean
}

const WHERE = 'createTasks({ telemetry })'
const EXPECTED = {
  redact: 'function',
  maskEmails: 'boolean',
  traceWindowMs: 'number',
  addLocation: 'boolean',
} as const satisfies Required<{ [K in keyof TelemetryOptions]: string }>

/** @throws InvalidOptionError */
export function resolveTelemetry(
  options: TelemetryOptions = {},
  failed: (where: string, error: unknown) => void,
): { readonly tracing: TraceOptions; readonly failures: Failures } {
  for (const [key, value] of Object.entries(options) as [keyof TelemetryOptions, unknown][]) {
    if (!Object.hasOwn(EXPECTED, key))
      throw new InvalidOptionError(
        `${WHERE}: there is no option '${key}'; there are ${Object.keys(EXPECTED).join(', ')}`,
      )
    if (value !== undefined && typeof value !== EXPECTED[key])
      throw new InvalidOptionError(`${WHERE}: expected \`${key}\` to be a ${EXPECTED[key]}, got ${typeof value}`)
  }
  const { traceWindowMs = DEFAULT_RELATION_OPTIONS.traceWindowMs, addLocation = false } = options
  if (!(traceWindowMs >= 0))
    throw new InvalidOptionError(`${WHERE}: expected \`traceWindowMs\` to be 0 or more, got ${traceWindowMs}`)
  const tracing = { ...DEFAULT_RELATION_OPTIONS, traceWindowMs, addLocation }
  return { tracing, failures: new Failures(new Texts(options, failed)) }
}

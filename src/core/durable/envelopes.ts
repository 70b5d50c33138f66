import type { Clock } from '../clock.ts'
import type { Envelope, EnvelopeRecord, StoredOverride } from '../engine.ts'
import { resolveSettings } from '../options.ts'
import type { RegisteredTask } from '../registry.ts'
import { DurableSubmission, type Submission } from '../submission.ts'
import type { RequestFacts, ResolvedSettings, TaskSettings } from '../task.ts'
import { read } from '../text.ts'
import { StoredRequest } from './stored-request.ts'
import type { SpanIds } from '../tracing.ts'

/** What a durable engine stores of a submission: plain, and nothing of the request but its facts. */
export function envelopeOf(submission: Submission): Envelope {
  const { input, attempt, addedAt, startAt, expiresAt, priority } = submission
  const times = { addedAt: Math.round(addedAt), ...rounded({ startAt, expiresAt }) }
  return { v: 1, record: recordOf(submission), input, attempt, ...times, ...(priority && { priority }) }
}

/** The next attempt, which may run anywhere. */
export function nextEnvelope(envelope: Envelope, { span, carrier }: Submission, startAt: number): Envelope {
  const { attempt, record } = envelope
  const next: EnvelopeRecord = { ...record, carrier: { ...carrier }, ...(span && { span: plainSpan(span) }) }
  return { ...envelope, record: next, attempt: attempt + 1, startAt: Math.round(startAt) }
}

/** The submission of an envelope that came out of a store. @throws InvalidOptionError for settings that are none here */
export function submissionFrom(
  envelope: Envelope,
  task: RegisteredTask,
  { clock, engine }: FetchedBy,
): DurableSubmission {
  const { record, attempt, addedAt, startAt, expiresAt, priority } = envelope
  const now = addedAt - clock.origin
  const options = {
    ...(record.delayMs > 0 && { delayMs: record.delayMs }),
    ...(expiresAt !== undefined && { expiresMs: expiresAt - addedAt }),
    ...(priority && { priority }),
  }
  const origin = {
    clock,
    request: record.request && new StoredRequest(factsOf(record.request)),
    holder: undefined,
    depth: record.depth,
    late: record.late,
    judged: record.request !== undefined,
    served: false,
  }
  const settings = resolveSettings(
    task.settings,
    overrideFrom(record.override),
    `task '${task.name}' (stored override)`,
  )
  const one = new DurableSubmission({ task, name: task.name, origin, engine, settings, now, options, id: record.id })
  one.attempts = attempt - 1
  one.readyAt = Math.max(now, (startAt ?? 0) - clock.origin)
  one.span = record.span
  Object.assign(one.carrier, record.carrier)
  return one
}

interface FetchedBy {
  readonly clock: Clock
  readonly engine: string
}

/** Whether core can make a submission of it. */
export function isReadable(envelope: Envelope): boolean {
  const { v, record, attempt, addedAt } = envelope
  return v === 1 && read(record, 'id') !== '' && read(record, 'name') !== '' && attempt >= 1 && Number.isFinite(addedAt)
}

function recordOf(submission: Submission): EnvelopeRecord {
  const { id, name, label, engine, depth, late, request, delayMs, acceptedAt, carrier } = submission
  const override = overrideOf(submission.settings, submission.task.settings)
  return {
    id,
    name,
    label,
    engine,
    depth,
    late,
    delayMs,
    acceptedAt: Math.round(acceptedAt),
    carrier: { ...carrier },
    ...(request && { request: factsOf(request) }),
    ...(override && { override }),
  }
}

function factsOf({ method, route, statusCode, response, traceId, spanId }: RequestFacts): RequestFacts {
  const facts = { route, statusCode, response, traceId, spanId }
  return { method, ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) }
}

const plainSpan = ({ traceId, spanId, traceFlags }: SpanIds): SpanIds => ({ traceId, spanId, traceFlags })

const rounded = (times: Record<string, number | undefined>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(times).flatMap(([name, ms]) =>
      ms === undefined || ms === Infinity ? [] : [[name, Math.round(ms)]],
    ),
  )

/** What of an override matters where the task runs. */
const CARRIED = ['retry', 'timeoutMs', 'relation'] as const

function overrideOf(settings: ResolvedSettings, own: ResolvedSettings): StoredOverride | undefined {
  const changed = CARRIED.filter((key) => settings[key] !== own[key]).map((key) => [key, settings[key]] as const)
  if (changed.length === 0) return undefined
  const endless = (_key: string, value: unknown) => (value === Infinity ? 'Infinity' : value)
  return JSON.parse(JSON.stringify(Object.fromEntries(changed), endless)) as StoredOverride
}

function overrideFrom(stored: StoredOverride | undefined): TaskSettings | undefined {
  if (!stored) return undefined
  const endless = (_key: string, value: unknown) => (value === 'Infinity' ? Infinity : value)
  return JSON.parse(JSON.stringify(stored), endless) as TaskSettings
}

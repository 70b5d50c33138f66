// An envelope as a job of pg-boss, and back.
import type { JobAttempt, JobInsert } from 'pg-boss'
import type { DeadTask, DeathNote, Envelope } from '../../core/engine.ts'

/**
 * One claim on one row. An id alone does not name it: what was put back is a new row of the same id, whose claims are counted
 * from zero again, so a row also has an edition.
 */
export interface Claim extends JobAttempt {
  readonly edition: number
}

export interface Claimed {
  readonly envelope: Envelope
  readonly claim: Claim
  /** How long the claim lasts without a heartbeat, as whoever added the task said. */
  readonly lastsMs?: number
}

/** What a fetch of pg-boss gives. */
export interface FetchedJob extends JobAttempt {
  readonly data: Envelope
  readonly groupId?: string | null
  readonly groupTier?: string | null
  readonly heartbeatSeconds?: number | null
}

export const RANK = { low: -1, normal: 0, high: 1 }

export interface Placing {
  /** Core's delay in place of the time the envelope was added for. By the clock of the store, so that clocks may differ. */
  readonly afterMs?: number
  /** @default 0 */
  readonly edition?: number
}

export function jobOf(envelope: Envelope, { afterMs, edition = 0 }: Placing = {}): JobInsert {
  const { record, priority, startAt } = envelope
  const delayMs = afterMs ?? (startAt === undefined ? 0 : startAt - Date.now())
  return {
    id: record.id,
    data: stored(envelope),
    priority: RANK[priority ?? 'normal'],
    group: { id: record.label, ...(edition > 0 && { tier: String(edition) }) },
    ...(delayMs > 0 && { startAfter: (delayMs / 1_000).toFixed(3) }),
  }
}

/** Just these fields, whatever else the object of a caller has. */
function stored({ v, record, input, attempt, addedAt, startAt, expiresAt, priority }: Envelope): Envelope {
  return { v, record, input, attempt, addedAt, startAt, expiresAt, priority }
}

export const claimed = ({ id, retryCount, data, groupTier, heartbeatSeconds }: FetchedJob): Claimed => ({
  envelope: data,
  claim: { id, retryCount, edition: Number(groupTier ?? 0) },
  lastsMs: (heartbeatSeconds ?? Infinity) * 1_000,
})

interface DeadData extends Envelope {
  readonly dead: DeathNote
}

export function deadJobOf({ envelope, claim }: Claimed, dead: DeathNote): JobInsert {
  return { ...jobOf(envelope, { afterMs: 0, edition: claim.edition + 1 }), data: { ...stored(envelope), dead } }
}

export const deadTaskOf = ({ record, addedAt, dead }: DeadData): DeadTask => ({
  id: record.id,
  name: record.name,
  addedAt,
  note: dead,
  ...(record.request && { request: record.request }),
})

export type { DeadData }

/** Another life: from attempt 1, at once, and with no time by which it is pointless, since a person asked for it. */
export function revived({ dead: _dead, startAt: _startAt, expiresAt: _expiresAt, ...rest }: DeadData): Envelope {
  return { ...rest, attempt: 1 }
}

/** PostgreSQL writes the 32 digits of an id with hyphens. */
export const plainId = (uuid: string): string => uuid.replaceAll('-', '')

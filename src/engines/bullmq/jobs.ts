// An envelope as a job of BullMQ, and back.
import type { JobJson } from 'bullmq'
import type { DeadTask, DeathNote, Envelope } from '../../core/engine.ts'

/** What this engine keeps in the hash of a job, beside the fields of BullMQ. */
export const FIELDS = {
  /** When it became ready again after it was put back, in milliseconds since the epoch. */
  readyAt: 'agReadyAt',
  deathNote: 'agDeathNote',
} as const

/** Just these fields, whatever else the object of a caller has. */
export function dataOf({ v, record, input, attempt, addedAt, startAt, expiresAt, priority }: Envelope): string {
  return JSON.stringify({ v, record, input, attempt, addedAt, startAt, expiresAt, priority })
}

/** What a dead task is when it is let run again: from attempt 1, at once, and with no time by which it is pointless. */
export const revivedDataOf = ({ startAt: _startAt, expiresAt: _expiresAt, ...rest }: Envelope): string =>
  dataOf({ ...rest, attempt: 1 })

export function jobOf(envelope: Envelope): JobJson {
  const { record, addedAt, startAt } = envelope
  const delay = startAt !== undefined && startAt > Date.now() ? startAt - addedAt : 0
  const fresh = {
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: '',
    returnvalue: '',
  }
  return {
    ...fresh,
    id: record.id,
    name: record.name,
    data: dataOf(envelope),
    opts: delay > 0 ? { delay } : {},
    timestamp: addedAt,
  }
}

/** The envelope in the data of a job, if this version of the library knows how to read it. */
export function envelopeOf(data: string): Envelope | undefined {
  try {
    const read = JSON.parse(data) as Partial<Envelope> | null
    return read?.v === 1 && typeof read.record?.id === 'string' ? (read as Envelope) : undefined
  } catch {
    return undefined
  }
}

export function deadTaskOf(data: string, note: string): DeadTask | undefined {
  const envelope = envelopeOf(data)
  if (!envelope) return undefined
  const { record, addedAt } = envelope
  const { id, name, request } = record
  return { id, name, addedAt, note: JSON.parse(note) as DeathNote, ...(request && { request }) }
}

import { AfterglowError, type ErrorCode } from './errors.ts'
import { errorOf } from './outcome.ts'
import type { Outcome, RequestFacts, TaskRecord } from './task.ts'

/** What is said of a task that ended badly: plain, frozen facts. */
export interface TaskFailure {
  readonly id: string
  readonly name: string
  readonly engine: string
  readonly outcome: Outcome['outcome']
  readonly attempts: number
  /** The request that caused it, without any; never `ctx`. */
  readonly request: Readonly<Partial<Omit<RequestFacts, 'trace'>>>
}

/**
 * A task ended badly, as an Error for whoever takes errors: Koa's `'error'` event, a tracker. The error that was thrown is
 * its `cause`, untouched. It has neither `status` nor `expose`: what a task's HTTP client threw says nothing about the
 * response that was sent, and a listener that ignores 404 must not ignore this.
 */
export class TaskFailedError extends AfterglowError {
  override readonly name = 'TaskFailedError' as const
  readonly code = 'ERR_AFTERGLOW_TASK_FAILED' as const satisfies ErrorCode
  readonly task: TaskFailure

  constructor(outcome: Outcome, record: TaskRecord) {
    const cause = errorOf(outcome)
    super(messageOf(outcome, record, cause), cause && { cause })
    this.task = factsOf(outcome, record)
    // Where the task broke, not where that was noticed: Koa's own listener prints the stack and no cause.
    this.stack = `${this.name}: ${this.message}${framesOf(cause)}`
  }
}

const WORDS: Readonly<Partial<Record<Outcome['outcome'], string>>> = {
  timed_out: 'timed out',
  dropped: 'was dropped',
  interrupted: 'was interrupted',
}
const MAX_MESSAGE = 1_000
const MAX_FRAMES = 50

function messageOf(outcome: Outcome, { name }: TaskRecord, cause: Error | undefined): string {
  const after = outcome.attempts > 1 ? ` after ${outcome.attempts} attempts` : ''
  const reason = 'reason' in outcome ? outcome.reason : undefined
  const why = reason ?? (cause && `${textOf(cause, 'name')}: ${textOf(cause, 'message')}`) ?? ''
  return `task '${name}' ${WORDS[outcome.outcome] ?? outcome.outcome}${after}: ${why}`.slice(0, MAX_MESSAGE)
}

function factsOf({ outcome, attempts }: Outcome, { id, name, engine, request }: TaskRecord): TaskFailure {
  const { method, route, statusCode, response, traceId, spanId } = request ?? {}
  const facts = request ? { method, route, statusCode, response, traceId, spanId } : {}
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
  return Object.freeze({ id, name, engine, outcome, attempts, request: Object.freeze(known) })
}

function framesOf(cause: Error | undefined): string {
  const lines = cause ? textOf(cause, 'stack').split('\n') : []
  const frames = lines.filter((line) => line.startsWith('    at ')).slice(0, MAX_FRAMES)
  return frames.map((frame) => `\n${frame}`).join('')
}

/** A hostile error throws when it is read. */
function textOf(error: Error, key: 'name' | 'message' | 'stack'): string {
  try {
    const text: unknown = error[key]
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

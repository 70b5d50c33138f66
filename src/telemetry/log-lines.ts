import type { AttemptOutcome } from '../core/task.ts'
import { LOG_EVENTS } from './names.ts'

export type Level = 'info' | 'warn' | 'error'
/** What is always the same in the lines of one kind. */
export type Line = readonly [level: Level, event: string, message: string]

export function lineOf(outcome: AttemptOutcome): Line {
  switch (outcome.outcome) {
    case 'completed':
      return outcome.handled ? HANDLED : COMPLETED
    case 'failed':
      return FAILED
    case 'timed_out':
      return TIMED_OUT
    case 'retried':
      return RETRIED
    case 'discarded':
      return ['info', LOG_EVENTS.discarded, 'task discarded']
    case 'cancelled':
      return ['info', LOG_EVENTS.cancelled, 'task cancelled']
    case 'skipped':
      return ['warn', LOG_EVENTS.skipped, 'task skipped']
    case 'dropped':
      return ['error', LOG_EVENTS.dropped, 'task dropped']
    case 'interrupted':
      return ['error', LOG_EVENTS.interrupted, 'task interrupted']
    case 'handed_over':
      return ['info', LOG_EVENTS.completed, 'task handed over']
    default:
      return outcome satisfies never
  }
}

export const UNFINISHED: Line = [
  'error',
  LOG_EVENTS.unfinished,
  'the process ends with tasks that nothing keeps it alive for',
]
export const ENDED_LATE: Line = ['warn', LOG_EVENTS.late_completion, 'task ended after it was let go; nothing changes']
export const FAILED_LATE: Line = [
  'warn',
  LOG_EVENTS.late_completion,
  'task failed after it was let go; nothing changes',
]
export const MOUNTED_BELOW: Line = [
  'warn',
  LOG_EVENTS.mounted_below,
  'tasks.middleware() is not the first app.use(); what is above has no ctx.tasks',
]
export const WAITING: Line = ['info', LOG_EVENTS.drain, 'draining: waiting for tasks to end']
export const ABORTING: Line = ['warn', LOG_EVENTS.drain, 'draining: aborting what has not ended']
export const DRAINED: Line = ['info', LOG_EVENTS.drained, 'drained']
export const DRAINED_BADLY: Line = ['error', LOG_EVENTS.drained, 'drained; some tasks were interrupted']
export const CONTAINED: Line = [
  'error',
  LOG_EVENTS.stray_error,
  'a rejection that nobody handled escaped a task; contained',
]
export const STRAY: Line = ['error', LOG_EVENTS.stray_error, 'an error escaped a task']
export const BLOCKED: Line = [
  'warn',
  LOG_EVENTS.blocked,
  'task blocked the event loop before its first await; use a thread',
]
export const BLOCKED_BY_SOMEBODY: Line = [
  'warn',
  LOG_EVENTS.blocked,
  'the event loop was blocked while these tasks ran',
]
const COMPLETED: Line = ['info', LOG_EVENTS.completed, 'task completed']
const HANDLED: Line = [
  'warn',
  LOG_EVENTS.completed,
  'task completed, but its handler threw and middleware swallowed it',
]
const FAILED: Line = ['error', LOG_EVENTS.exception, 'task failed']
const TIMED_OUT: Line = ['error', LOG_EVENTS.exception, 'task timed out']
const RETRIED: Line = ['warn', LOG_EVENTS.exception, 'task failed and will be retried']

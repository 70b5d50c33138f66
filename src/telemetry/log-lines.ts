import type { AttemptOutcome } from '../core/task.ts'
import { LOG_EVENTS } from './names.ts'

export type Level = 'info' | 'warn' | 'error'
export type Line = readonly [level: Level, event: string, message: string]

/** One line per outcome: WARN while another attempt follows, ERROR when it was the last. */
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
      return DISCARDED
    case 'cancelled':
      return CANCELLED
    case 'skipped':
      return SKIPPED
    case 'dropped':
      return DROPPED
    case 'interrupted':
      return INTERRUPTED
    case 'handed_over':
      return HANDED_OVER
    default:
      return outcome satisfies never
  }
}

const COMPLETED: Line = ['info', LOG_EVENTS.completed, 'task completed']
const HANDLED: Line = [
  'warn',
  LOG_EVENTS.completed,
  'task completed, but its handler threw and middleware swallowed it',
]
const FAILED: Line = ['error', LOG_EVENTS.exception, 'task failed']
const TIMED_OUT: Line = ['error', LOG_EVENTS.exception, 'task timed out']
const RETRIED: Line = ['warn', LOG_EVENTS.exception, 'task failed and will be retried']
const DISCARDED: Line = ['info', LOG_EVENTS.discarded, 'task discarded']
const CANCELLED: Line = ['info', LOG_EVENTS.cancelled, 'task cancelled']
const SKIPPED: Line = ['warn', LOG_EVENTS.skipped, 'task skipped']
const DROPPED: Line = ['error', LOG_EVENTS.dropped, 'task dropped']
const INTERRUPTED: Line = ['error', LOG_EVENTS.interrupted, 'task interrupted']
const HANDED_OVER: Line = ['info', LOG_EVENTS.handed_over, 'task handed over to its engine']

export const REJECTED: Line = ['warn', LOG_EVENTS.rejected, 'task rejected']
export const GIVEN_BACK: Line = ['warn', LOG_EVENTS.interrupted, 'task interrupted; it went back to its store']
/** Overload is turned away on purpose; this was not meant to happen. */
export const NOT_STORED: Line = ['error', LOG_EVENTS.rejected, 'task rejected: its engine did not store it']
export const STUCK: Line = ['error', LOG_EVENTS.stuck, 'task ignored its aborted signal and was let go']
export const KILLED: Line = ['error', LOG_EVENTS.stuck, 'task ignored its aborted signal and its thread was ended']
export const ENDED_LATE: Line = ['warn', LOG_EVENTS.late_completion, 'task ended after it was let go; nothing changes']
export const FAILED_LATE: Line = [
  'warn',
  LOG_EVENTS.late_completion,
  'task failed after it was let go; nothing changes',
]
export const UNFINISHED: Line = ['error', LOG_EVENTS.unfinished, 'the process ends with tasks that have not ended']
export const UNKNOWN_TASK: Line = [
  'warn',
  LOG_EVENTS.unknown_task,
  'a task waits in the store that cannot run in this process; it is kept',
]
export const NOT_DURABLE: Line = [
  'warn',
  LOG_EVENTS.not_durable,
  'a function cannot be stored: functions run in this process, and end with it; make a task with defineTask',
]
export const MOUNTED_BELOW: Line = [
  'warn',
  LOG_EVENTS.mounted_below,
  'tasks.middleware() is not the first app.use(); what is above has no ctx.tasks',
]
export const HELD_TOO_LONG: Line = ['warn', LOG_EVENTS.held_too_long, 'response does not settle; its tasks start now']
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

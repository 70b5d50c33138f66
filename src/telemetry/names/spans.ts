import * as names from '../names.ts'
import { CODE, EXCEPTION, MESSAGING, REQUEST, type Carries } from './carries.ts'

export interface SpanInfo extends Carries {
  readonly name: string
  readonly kind: 'CONSUMER' | 'PRODUCER' | 'SERVER' | 'INTERNAL'
  readonly brief: string
  /** Values of `afterglow.link.type`; a link to a task may carry its name besides. */
  readonly links: readonly string[]
  readonly events: Readonly<Record<string, Carries>>
}

export const SPANS: readonly SpanInfo[] = [
  {
    name: names.runSpanName('{task}'),
    kind: 'CONSUMER',
    brief:
      'One per attempt, from its start to its end. A task that was accepted and ended between attempts, or never ran, has one ' +
      'from its acceptance until then.',
    always: [
      names.TASK_NAME,
      names.TASK_ID,
      names.TASK_ATTEMPT,
      names.TASK_MAX_ATTEMPTS,
      names.TASK_OUTCOME,
      names.ENGINE,
      names.TRACE_RELATION,
    ],
    sometimes: [
      names.TASK_WAIT_TIME,
      names.TASK_TIMEOUT,
      names.TASK_LOST_CLAIMS,
      names.TASK_DEPTH,
      names.TASK_LATE,
      names.TASK_REASON,
      names.TASK_RETRY_DELAY,
      names.TASK_ERROR_HANDLED,
      names.TASK_ADD_LOCATION,
      names.TASK_DEPENDENCIES,
      names.ERROR_TYPE,
      names.ERROR_LOCATION,
      ...CODE,
      ...REQUEST,
      ...MESSAGING,
    ],
    links: ['request', 'task', 'send', 'previous_attempt', 'dependency'],
    events: {
      exception: { always: EXCEPTION, sometimes: [] },
      [names.LOG_EVENTS.blocked]: { always: [names.TASK_BLOCKED_TIME], sometimes: [] },
      [names.LOG_EVENTS.stray_error]: { always: [names.STRAY_CONTAINED], sometimes: EXCEPTION },
    },
  },
  {
    name: names.sendSpanName('{queue}'),
    kind: 'PRODUCER',
    brief:
      'One per task that is given to a durable engine, in the process that adds it, for as long as the store takes. ERROR if it was ' +
      'not stored. The `run` spans of the task link it, wherever they run, or are its children with `relation: child`.',
    always: [names.TASK_NAME, names.TASK_ID, names.ENGINE, names.TRACE_RELATION, ...MESSAGING],
    sometimes: [names.TASK_DEPTH, names.TASK_LATE, names.TASK_ADD_LOCATION, names.ERROR_TYPE, ...REQUEST],
    links: ['request', 'task'],
    events: {},
  },
  {
    name: 'the span of the request',
    kind: 'SERVER',
    brief:
      'Not made here: what is written on the SERVER span of a request that added tasks, when its response settles.',
    always: [names.SUBMITTED_COUNT, names.SUBMITTED_NAMES, names.SUBMITTED_IDS, names.REJECTED_COUNT],
    sometimes: [names.DEFERRED],
    links: [],
    events: {},
  },
  {
    name: names.DRAIN_SPAN_NAME,
    kind: 'INTERNAL',
    brief: 'One per runner that closed, from the start of the drain to its end. ERROR if it interrupted tasks.',
    always: [names.DRAIN_SETTLED, names.DRAIN_INTERRUPTED, names.DRAIN_TIME],
    sometimes: [names.DRAIN_HANDED_OVER, names.DRAIN_INTERRUPTED_NAMES, names.DRAIN_INTERRUPTED_IDS, names.ERROR_TYPE],
    links: ['interrupted'],
    events: {},
  },
]

// Each way a task can end, and the spans, log events and counts that it leaves.
import { defineTask } from '../../core/registry.ts'
import * as names from '../../telemetry/names.ts'
import type { AttemptOutcome, TaskContext, TaskHandle, TaskSettings } from '../../core/task.ts'
import type { Bench, Line } from './bench.ts'

type OutcomeName = AttemptOutcome['outcome']

/** How one task ends. */
export interface OutcomeCase {
  readonly name: string
  /** Adds tasks, and does what makes them end. The first is the one that is judged. */
  run(bench: Bench): readonly TaskHandle[] | Promise<readonly TaskHandle[]>
  /** Number of the attempt, its outcome, and `error.type` where there is one. */
  readonly spans: readonly (readonly [attempt: number, outcome: OutcomeName, errorType?: string])[]
  readonly lines: readonly (readonly [level: Line['level'], event: string])[]
  /** Where it is otherwise with a durable engine. `false`: such an engine refuses it, or it waits in its store. */
  readonly durable?: false | { readonly lines?: OutcomeCase['lines']; readonly isStored?: false }
}

/** The status of their spans is ERROR, that of all others is unset, and never OK. */
export const FAILED: readonly unknown[] = ['failed', 'retried', 'timed_out', 'dropped', 'interrupted']

export class MailboxFullError extends Error {}
const fail = () => Promise.reject(new MailboxFullError('mailbox is full'))
/** Until its signal aborts. */
const obey = ({ signal }: TaskContext<void>) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
const twice: TaskSettings = { retry: { attempts: 2, backoff: 'fixed', baseDelayMs: 1, maxDelayMs: 1 } }
const { LOG_EVENTS } = names

export const OUTCOME_CASES: readonly OutcomeCase[] = [
  {
    name: 'completes',
    run: (bench) => [bench.add(() => 1)],
    spans: [[1, 'completed']],
    lines: [['info', LOG_EVENTS.completed]],
  },
  {
    name: 'completes although its handler threw, because middleware swallowed that',
    run: (bench) => {
      bench.tasks.use((_task, next) => next().catch(() => undefined))
      return [bench.add(fail)]
    },
    spans: [[1, 'completed', 'MailboxFullError']],
    lines: [['warn', LOG_EVENTS.completed]],
  },
  {
    name: 'fails',
    run: (bench) => [bench.add(fail)],
    spans: [[1, 'failed', 'MailboxFullError']],
    lines: [['error', LOG_EVENTS.exception]],
  },
  {
    name: 'fails, and completes in its second attempt',
    run: (bench) => [bench.add((task) => (task.attempt === 1 ? fail() : 1), { settings: twice })],
    spans: [
      [1, 'retried', 'MailboxFullError'],
      [2, 'completed'],
    ],
    lines: [
      ['warn', LOG_EVENTS.exception],
      ['info', LOG_EVENTS.completed],
    ],
  },
  {
    name: 'fails in each of its attempts',
    run: (bench) => [bench.add(fail, { settings: twice })],
    spans: [
      [1, 'retried', 'MailboxFullError'],
      [2, 'failed', 'MailboxFullError'],
    ],
    lines: [
      ['warn', LOG_EVENTS.exception],
      ['error', LOG_EVENTS.exception],
    ],
  },
  {
    name: 'times out',
    run: (bench) => [bench.add(obey, { settings: { timeoutMs: 10 } })],
    spans: [[1, 'timed_out', 'TimeoutError']],
    lines: [['error', LOG_EVENTS.exception]],
  },
  {
    name: 'ignores its signal, is let go, and ends late',
    run: async (bench) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const handle = bench.add(() => promise, { settings: { timeoutMs: 10 } })
      await bench.ended(handle)
      resolve()
      return [handle]
    },
    spans: [[1, 'timed_out', 'TimeoutError']],
    lines: [
      ['error', LOG_EVENTS.stuck],
      ['error', LOG_EVENTS.exception],
      ['warn', LOG_EVENTS.late_completion],
    ],
  },
  {
    name: 'ends by an error that was expected',
    run: (bench) => [bench.add(fail, { settings: { expected: [MailboxFullError] } })],
    spans: [[1, 'discarded']],
    lines: [['info', LOG_EVENTS.discarded]],
  },
  {
    name: 'says that it is pointless',
    run: (bench) => [bench.add((task) => task.discard('nobody wants it'))],
    spans: [[1, 'discarded']],
    lines: [['info', LOG_EVENTS.discarded]],
  },
  {
    name: 'is cancelled before it starts',
    run: (bench) => {
      const handle = bench.add(() => 1, { delayMs: 3_600_000 })
      handle.cancel('not needed')
      return [handle]
    },
    spans: [[0, 'cancelled']],
    lines: [['info', LOG_EVENTS.cancelled]],
    durable: { isStored: false },
  },
  {
    name: 'is cancelled while it runs',
    run: async (bench) => {
      const started = Promise.withResolvers<void>()
      const handle = bench.add((task) => (started.resolve(), obey(task)))
      await started.promise
      await bench.tasks.cancel(handle.id, 'not needed')
      return [handle]
    },
    spans: [[1, 'cancelled']],
    lines: [['info', LOG_EVENTS.cancelled]],
  },
  {
    name: 'is skipped, since what it comes after failed',
    run: ({ tasks }) => {
      const first = tasks.add('first', fail)
      return [tasks.add('judged', () => 1, { after: [first] }), first]
    },
    spans: [[0, 'skipped']],
    lines: [['warn', LOG_EVENTS.skipped]],
    durable: false,
  },
  {
    name: 'expires',
    run: (bench) => [bench.add(() => 1, { delayMs: 10, expiresMs: 5 })],
    spans: [[0, 'dropped', 'dropped']],
    lines: [['error', LOG_EVENTS.dropped]],
  },
  {
    name: 'is interrupted by a drain before it started',
    run: async ({ tasks }) => {
      const handle = tasks.add('judged', () => 1, { delayMs: 3_600_000 })
      await tasks.close({ deadlineMs: 20 })
      return [handle]
    },
    spans: [[0, 'interrupted', 'interrupted']],
    lines: [['error', LOG_EVENTS.interrupted]],
    durable: false,
  },
  {
    name: 'is interrupted by a drain while it runs',
    run: async (bench) => {
      const started = Promise.withResolvers<void>()
      const handle = bench.add((task) => (started.resolve(), obey(task)))
      await started.promise
      await bench.tasks.close({ deadlineMs: 20 })
      return [handle]
    },
    spans: [[1, 'interrupted', 'interrupted']],
    lines: [['error', LOG_EVENTS.interrupted]],
    durable: { lines: [['warn', LOG_EVENTS.interrupted]] },
  },
]

/** One with a schema and a result, neither of which may be seen. */
export const secretive = defineTask({
  name: 'judged',
  run: (input: { readonly password: string }) => ({ echoed: input.password }),
})

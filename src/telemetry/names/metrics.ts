/** The instruments as the SDK gets them. Which attributes each has is said in registry.ts. */
export interface MetricName {
  readonly name: string
  readonly kind: 'histogram' | 'observable counter' | 'observable gauge'
  readonly unit: string
  readonly description: string
  readonly buckets?: readonly number[]
}

const SEMCONV_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** Tasks run longer than requests. */
const DURATION_BUCKETS = [...SEMCONV_BUCKETS, 30, 60, 120, 300]

export const RUN_DURATION: MetricName = {
  name: 'afterglow.task.run.duration',
  kind: 'histogram',
  unit: 's',
  description: 'How long one attempt ran.',
  buckets: DURATION_BUCKETS,
}
export const WAIT_DURATION: MetricName = {
  name: 'afterglow.task.wait.duration',
  kind: 'histogram',
  unit: 's',
  description: 'How long an attempt that was ready to run waited for a free slot.',
  buckets: [0.001, ...DURATION_BUCKETS],
}
export const BLOCKING_DURATION: MetricName = {
  name: 'afterglow.task.blocking.duration',
  kind: 'histogram',
  unit: 's',
  description:
    'How long a task kept the event loop from everybody, where it did so for longer than `limits.blockWarnMs`.',
  buckets: DURATION_BUCKETS,
}
export const RESPONSE_GAP: MetricName = {
  name: 'afterglow.task.response_gap',
  kind: 'histogram',
  unit: 's',
  description:
    'Time from the end of a response to the first start of a task that waited for nothing else, once per request.',
  buckets: [0.0005, 0.001, 0.0025, ...SEMCONV_BUCKETS, 30, 60],
}
export const DRAIN_DURATION: MetricName = {
  name: 'afterglow.drain.duration',
  kind: 'histogram',
  unit: 's',
  description: 'How long a runner took to finish what it had accepted, when it closed.',
  buckets: [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 15, 20, 25, 30, 60],
}
export const SUBMISSIONS: MetricName = {
  name: 'afterglow.task.submissions',
  kind: 'observable counter',
  unit: '{task}',
  description: 'Tasks added, by what became of the add.',
}
export const SETTLED: MetricName = {
  name: 'afterglow.task.settled',
  kind: 'observable counter',
  unit: '{task}',
  description: 'Tasks ended, by outcome. Exported at zero from start for every registered task and outcome.',
}
export const FAILURES: MetricName = {
  name: 'afterglow.task.failures',
  kind: 'observable counter',
  unit: '{task}',
  description:
    'Tasks that failed, timed out, were dropped or interrupted, by error and route. For panels; alerts rest on settled.',
}
export const RETRIES: MetricName = {
  name: 'afterglow.task.retries',
  kind: 'observable counter',
  unit: '{retry}',
  description: 'Attempts that were followed by another.',
}
export const HANDLED_ERRORS: MetricName = {
  name: 'afterglow.task.handled_errors',
  kind: 'observable counter',
  unit: '{error}',
  description: 'Errors of handlers that middleware swallowed, so that the task counts as completed.',
}
export const STRAY_ERRORS: MetricName = {
  name: 'afterglow.task.stray_errors',
  kind: 'observable counter',
  unit: '{error}',
  description:
    'Errors that escaped a task: floating rejections, throws in timers. By the task they are put on, a best guess.',
}
export const COUNT: MetricName = {
  name: 'afterglow.task.count',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'Tasks in flight now, by state.',
}
export const RUNNER_ERRORS: MetricName = {
  name: 'afterglow.runner.errors',
  kind: 'observable counter',
  unit: '{error}',
  description: 'Errors of hooks, observers, engines, services and the runner: they belong to no task.',
}
export const QUEUE_CAPACITY: MetricName = {
  name: 'afterglow.queue.capacity',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'How many tasks may be in flight, `limits.maxPending`; beyond it an add is overload.',
}
export const CONCURRENCY_LIMIT: MetricName = {
  name: 'afterglow.concurrency.limit',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'How many tasks may run at the same time, `limits.concurrency`.',
}
export const QUEUE_OLDEST_AGE: MetricName = {
  name: 'afterglow.queue.oldest_age',
  kind: 'observable gauge',
  unit: 's',
  description: 'For how long the oldest task that is ready to run has waited for a slot; 0 when none waits.',
}
export const QUEUE_DEPTH: MetricName = {
  name: 'afterglow.queue.depth',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'Tasks that durable engines hold, by state. Of a whole store where the scope says so.',
}
export const OLDEST_RUNNING_AGE: MetricName = {
  name: 'afterglow.task.oldest_running_age',
  kind: 'observable gauge',
  unit: 's',
  description: 'For how long the oldest attempt that runs has run; 0 when none runs.',
}
export const TASK_INFO: MetricName = {
  name: 'afterglow.task.info',
  kind: 'observable gauge',
  unit: '{task}',
  description: 'Always 1: what a task is defined to be, to join with.',
}
export const RUNNER_INFO: MetricName = {
  name: 'afterglow.runner.info',
  kind: 'observable gauge',
  unit: '{runner}',
  description: 'How many runners are open, by version of this library.',
}

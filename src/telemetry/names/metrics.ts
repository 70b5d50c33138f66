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

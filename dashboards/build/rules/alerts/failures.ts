// Things that should not happen at all, counted within the hour: one is enough, also the first of a process or of a task.
import * as names from '../../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../../config.ts'
import { LOST, RUNS } from '../../outcomes.ts'
import { labelOf, select } from '../../promql.ts'
import { gainedBy, on, SERVICE, TASK } from '../idioms.ts'
import { RECORDED, settledAs } from '../recorded.ts'
import type { Alert } from '../rule.ts'
import { lines, ofService, ofTask, withinHour } from './asking.ts'

export const failureAlerts = (config: Config): readonly Alert[] => [
  failedRarely(config),
  errorsHandled(config),
  tasksLost(),
  strayErrors(config),
  runnerErrors(config),
]

const failedRarely = ({ thresholds: { minRuns } }: Config): Alert => ({
  name: 'AfterglowTaskFailedRarely',
  severity: 'info',
  expr: `${settledAs('1h', ['failed', 'timed_out'])} > 0
unless ${on(TASK)}
${settledAs('1h', RUNS)} >= ${minRuns}`,
  toldTo: 'task',
  summary: `{task} of {where} failed within the hour, times: {count}. It ran less than ${minRuns} times, too seldom for a ratio`,
  impact:
    'What failed is not done, and nobody who asked for it was told. One failure of a task that runs seldom may be all of its runs.',
  dashboard: { ...ofTask.dashboard, last: '6h' },
  queries: ofTask.failures,
})

const errorsHandled = ({ thresholds: { handled } }: Config): Alert => ({
  name: 'AfterglowErrorsHandled',
  severity: 'warning',
  expr: `${RECORDED.handled} >= ${handled.atLeast}
and
${RECORDED.handled} > ${handled.rise} * (avg_over_time(${RECORDED.handled}[6h] offset 30m) or 0 * ${RECORDED.handled})`,
  for: '5m',
  toldTo: 'task',
  summary: '{task} of {where} completed although its handler threw, times within 30m: {count}; more than usual',
  impact:
    'Middleware swallows these errors, so the task counts as completed and no failure ratio shows them. What it was to do may not be done.',
  dashboard: { ...ofTask.dashboard, last: '6h' },
  queries: {
    promql: `sum(${withinHour(ofTask.series(names.HANDLED_ERRORS))})`,
    logql: `${ofTask.lines(names.LOG_EVENTS.completed)} | ${labelOf(names.ERROR_TYPE)}!=""`,
    traceql: ofTask.spans(`span.${names.TASK_ERROR_HANDLED} = true`),
  },
})

const tasksLost = (): Alert => ({
  name: 'AfterglowTasksLost',
  severity: 'warning',
  expr: `sum by (${[...TASK, names.TASK_OUTCOME].map(labelOf).join(', ')}) (${RECORDED.settled('1h')}{${labelOf(names.TASK_OUTCOME)}=~"${LOST.join('|')}"}) > 0`,
  toldTo: 'task',
  summary: '{task} of {where} was {outcome} within the hour, times: {count}',
  impact: 'These were accepted and nobody will do them any more: the one who asked was told that it worked.',
  dashboard: { ...ofTask.dashboard, last: '6h' },
  queries: {
    promql: `sum by (instance, ${labelOf(names.TASK_OUTCOME)}) (${ofTask.series(names.SETTLED, { [names.TASK_OUTCOME]: { operator: '=~', values: LOST } })})`,
    logql: `{service_name="{service}"} | event_name=~"${names.LOG_EVENTS.interrupted}|${names.LOG_EVENTS.dropped}" | ${labelOf(names.TASK_NAME)}="{task}"`,
    traceql: ofTask.spans(`span.${names.TASK_OUTCOME} = "{outcome}"`),
  },
})

const strayErrors = ({ selector: scope }: Config): Alert => ({
  name: 'AfterglowStrayErrors',
  severity: 'warning',
  expr: `${gainedBy(TASK, select(names.STRAY_ERRORS, { scope }), '1h')} > 0`,
  toldTo: 'task',
  summary: 'Errors escaped {task} of {where} within the hour: {count}',
  impact:
    'A floating promise, a timer or an event failed outside of everything a task returns. The next one may end the process, and what is in flight with it.',
  dashboard: { ...ofTask.dashboard, last: '6h' },
  queries: {
    promql: `sum by (instance) (${withinHour(ofTask.series(names.STRAY_ERRORS))}) > 0`,
    logql: ofTask.lines(names.LOG_EVENTS.stray_error),
  },
})

const runnerErrors = ({ selector: scope }: Config): Alert => ({
  name: 'AfterglowRunnerErrors',
  severity: 'warning',
  expr: `${gainedBy([...SERVICE, names.COMPONENT], select(names.RUNNER_ERRORS, { scope }), '1h')} > 0`,
  toldTo: 'installation',
  summary: 'The {component} of the runner of {where} failed within the hour, times: {count}',
  impact:
    'Tasks go on, but what this part does is not done: a hook that tells somebody, an observer, the store of durable tasks.',
  dashboard: { uid: UIDS.runner, last: '6h' },
  queries: {
    promql: `sum by (instance, ${labelOf(names.COMPONENT)}) (${withinHour(ofService(names.RUNNER_ERRORS))}) > 0`,
    logql: lines(names.LOG_EVENTS.failure_of_our_own),
  },
})

// Of one task: runs that did not fail but are worth a look, and everything that it logged.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { CLICKED, link, toDashboard } from '../links.ts'
import { logql } from '../logql.ts'
import { logCountTable, logs } from '../panels/lines.ts'
import { spanTable } from '../panels/spans.ts'
import { is, labelOf } from '../promql.ts'
import { select, SERVICE, spanset, where } from '../traceql.ts'
import { FAILED_EVENTS } from './runs.ts'

type Panels = readonly Builder<Panel>[]
/** Fields by which failures are the same. */
const GROUP = [
  { title: 'Fingerprint', of: names.ERROR_FINGERPRINT },
  { title: 'Error', of: names.ERROR_TYPE },
  { title: 'Outcome', of: names.TASK_OUTCOME },
]
const CHOSEN = { [names.TASK_NAME]: is('$task') }
const task = where(names.TASK_NAME, is('$task'))
const linkOf = { [names.TASK_ID]: [link('This run', toDashboard(UIDS.run, { run: CLICKED }))] }

export const taskTraces = (config: Config): Panels => [
  spanTable({
    config,
    title: 'Slow runs',
    what: 'Attempts that took longer than a second, of those whose traces were kept.',
    good: 'no more than you expect.',
    otherwise: 'open the longest and see in which child span the time is.',
    query: `${spanset(SERVICE, task, 'duration > 1s')} | ${select(names.TASK_OUTCOME, names.TASK_ATTEMPT, names.REQUEST_ROUTE, names.TASK_ID)}`,
    linkOf,
    noValue: 'No run took longer than a second.',
    w: 12,
    h: 8,
  }),
  spanTable({
    config,
    title: 'Runs that never ran, or were cut off',
    what: 'Accepted and then skipped, dropped, cancelled or interrupted, with the reason.',
    good: 'no rows.',
    otherwise: 'dropped: it waited for longer than `expiresMs`. Interrupted: raise `deadlineMs`, or make it shorter.',
    query: `${spanset(SERVICE, task, where(names.TASK_OUTCOME, is('skipped', 'dropped', 'cancelled', 'interrupted')))} | ${select(names.TASK_OUTCOME, names.TASK_REASON, names.REQUEST_ROUTE, names.TASK_ID)}`,
    linkOf,
    noValue: 'Every run ran to its end.',
    w: 12,
    h: 8,
  }),
]

export const taskLines = (config: Config): Panels => [
  logCountTable({
    config,
    title: 'Failures, grouped',
    what: 'Lines of failures in this time, counted by fingerprint: the same for failures of the same kind at the same place.',
    good: 'no rows.',
    otherwise: 'work on the first row; the others may be its consequence.',
    expr: `sum by (${GROUP.map(({ of }) => labelOf(of)).join(', ')}) (count_over_time(${logql({ events: FAILED_EVENTS, where: CHOSEN })} [$__range]))`,
    keys: GROUP,
    noValue: 'No failure was logged in this time.',
    w: 8,
    h: 10,
  }),
  logs({
    config,
    title: 'Its lines',
    what: 'Everything that was logged about this task: how each attempt ended, and what the task itself said.',
    good: 'completed.',
    otherwise: 'open a line: it has the stack, the request and the trace.',
    expr: logql({ where: CHOSEN }),
    w: 16,
    h: 10,
  }),
]

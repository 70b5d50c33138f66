// What happened in this run, and because of which request? For the developer who has an id.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { dashboard } from '../dashboard.ts'
import { CLICKED, field, link, toDashboard, toTask, toTrace } from '../links.ts'
import { logql } from '../logql.ts'
import { BAD } from '../outcomes.ts'
import { logs, logTable } from '../panels/lines.ts'
import { spanTable, traceView } from '../panels/spans.ts'
import { is, labelOf, matches } from '../promql.ts'
import { FAILED_EVENTS, RUN_KEYS } from '../rows/runs.ts'
import { attribute, select, SERVICE, spanset, where } from '../traceql.ts'

type Panels = readonly Builder<Panel>[]
/** An empty field at the top would find what has no id. */
const linesWith = (id: string, value: string): string => `${logql({ where: { [id]: is(value) } })} | ${labelOf(id)}!=""`
/** One of a list, whether it is searched one by one or written as one text; none if the field at the top is empty. */
const isOneOf = (id: string): string => `=~ "(.*[^a-z0-9])?${id}([^a-z0-9].*)?"`
const linkOf = {
  [names.TASK_NAME]: [toTask(CLICKED)],
  [names.TASK_ID]: [link('This run', toDashboard(UIDS.run, { run: CLICKED, trace: '${trace:percentencode}' }))],
  [names.REQUEST_TRACE_ID]: [
    link('This request, here', toDashboard(UIDS.run, { run: '${run:percentencode}', trace: CLICKED })),
    link('This request, in Explore', toTrace('${__value.raw}')),
  ],
}

export function run(config: Config): Dashboard {
  return dashboard({
    config,
    uid: UIDS.run,
    title: 'Run explorer',
    question:
      'What happened in this run, which request caused it, and what else did that request cause? Paste the id of a task, of a trace, or both, at the top.',
    ids: true,
    rows: [
      { title: 'The run', panels: theRun(config) },
      { title: 'The trace', panels: theTrace(config) },
      { title: 'Whatever was said', panels: said(config) },
      { title: 'No id at hand? Failed runs, of one route or of all', panels: choose(config) },
    ],
  })
}

const theRun = (config: Config): Panels => [
  spanTable({
    config,
    title: 'Its attempts',
    what: 'The spans of the run whose id is above: one per attempt, or one for a task that never ran. With where it is defined and the request that caused it.',
    good: 'one attempt, completed.',
    otherwise:
      'click the trace of the last attempt. The request’s trace id leads to the request. Empty: no id above, or its trace was not kept; its lines are below.',
    query: `${spanset(SERVICE, where(names.TASK_ID, is('$run')))} | ${select(
      names.TASK_NAME,
      names.TASK_ATTEMPT,
      names.TASK_OUTCOME,
      names.ERROR_TYPE,
      names.ERROR_LOCATION,
      names.TASK_REASON,
      names.TASK_WAIT_TIME,
      names.CODE_FILE_PATH,
      names.CODE_LINE_NUMBER,
      names.REQUEST_METHOD,
      names.REQUEST_ROUTE,
      names.REQUEST_STATUS_CODE,
      names.REQUEST_TRACE_ID,
    )}`,
    linkOf,
    noValue: 'No span of this run.',
    w: 24,
    h: 6,
  }),
  spanTable({
    config,
    title: 'The request that caused it',
    what: 'The request whose span names this run among what it added (the first twenty), in whichever trace.',
    good: 'one request.',
    otherwise:
      'empty: added outside of a request, or the request was not sampled: its facts are on the attempts above.',
    query: `${spanset(SERVICE, 'kind = server', `${attribute(names.SUBMITTED_IDS)} ${isOneOf('$run')}`)} | ${select(names.SUBMITTED_COUNT, names.SUBMITTED_NAMES, names.REJECTED_COUNT)}`,
    noValue: 'No request of this run.',
    w: 12,
    h: 6,
  }),
  spanTable({
    config,
    title: 'What else that request caused',
    what: 'All tasks of the request whose trace id is above, wherever their own traces are.',
    good: 'all completed.',
    otherwise: 'several that failed at once: what they share, or what the request gave them.',
    query: `${spanset(SERVICE, where(names.REQUEST_TRACE_ID, is('$trace')))} | ${select(names.TASK_NAME, names.TASK_ATTEMPT, names.TASK_OUTCOME, names.ERROR_TYPE, names.TASK_ID)}`,
    linkOf,
    noValue: 'No task of this request.',
    w: 12,
    h: 6,
  }),
]

const theTrace = (config: Config): Panels => [
  traceView({
    title: 'The trace',
    what: 'The trace whose id is above: the request on top, its tasks below it, their attempts beside each other.',
    good: 'no red span.',
    otherwise:
      'open the red one: its exception is an event or a line, `afterglow.error.location` the place. “Logs for this span” has what was said.',
    id: '$trace',
    w: 24,
    h: 16,
  }),
  spanTable({
    config,
    title: 'Runs elsewhere that this trace caused',
    what: 'Tasks that are delayed, long or of a large fan-out have traces of their own. These link to the trace above.',
    good: 'no rows, or all completed.',
    otherwise: 'open their trace: it begins with the attempt.',
    query: `${spanset(SERVICE, 'link:traceID = "$trace"', `${attribute(names.TASK_NAME)} != nil`)} | ${select(names.TASK_NAME, names.TASK_OUTCOME, names.ERROR_TYPE, names.TASK_ID)}`,
    linkOf,
    noValue: 'No other trace links to this one.',
    w: 24,
    h: 6,
  }),
]

const said = (config: Config): Panels => [
  logs({
    config,
    title: 'Lines of the run',
    what: 'Everything that was logged with the id of the run above, also where no trace was kept.',
    good: 'it completed.',
    otherwise: 'open the ERROR line: stack, file and line, request.',
    expr: linesWith(names.TASK_ID, '$run'),
    w: 12,
    h: 10,
  }),
  logs({
    config,
    title: 'Lines of the trace',
    what: 'Everything that was logged in the trace above: by the request, its tasks, and your own code in them.',
    good: 'nothing at WARN or ERROR.',
    otherwise: 'read it from below: what came before the first ERROR.',
    expr: linesWith(names.TRACE_ID, '$trace'),
    w: 12,
    h: 10,
  }),
]

const choose = (config: Config): Panels => [
  logTable({
    config,
    title: 'Failed runs of the route',
    what: 'The latest runs that ended badly, of the route above if there is one.',
    good: 'no rows.',
    otherwise: 'click Run: the page fills with all there is about it.',
    expr: logql({
      events: FAILED_EVENTS,
      where: { [names.TASK_OUTCOME]: is(...BAD), [names.REQUEST_ROUTE]: matches('$route.*') },
    }),
    keys: RUN_KEYS.map((key) =>
      key.of === names.TASK_ID
        ? { ...key, links: [link('This run', toDashboard(UIDS.run, { run: CLICKED, trace: field('Trace') }))] }
        : key,
    ),
    noValue: 'No run ended badly in this time.',
    w: 24,
    h: 10,
  }),
]

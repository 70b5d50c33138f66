// Which runs failed: from the log, which has every one, and from the traces, which show what happened in them.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as names from '../../../src/telemetry/names.ts'
import { UIDS, type Config } from '../../config.ts'
import { CLICKED, field, link, toDashboard, toTask, toTrace } from '../links.ts'
import { logql } from '../logql.ts'
import { BAD } from '../outcomes.ts'
import { logTable } from '../panels/lines.ts'
import { spanTable } from '../panels/spans.ts'
import { is, type Matcher } from '../promql.ts'
import { select, SERVICE, spanset, where } from '../traceql.ts'
import type { Key } from '../panels/table.ts'

const { LOG_EVENTS } = names
export const FAILED_EVENTS = [LOG_EVENTS.exception, LOG_EVENTS.dropped, LOG_EVENTS.interrupted]
export type Chosen = Readonly<Record<string, Matcher>>

const toRun = (run: string, trace?: string) => link('This run', toDashboard(UIDS.run, { run, ...(trace && { trace }) }))

/** A failed run as its line tells it, with a way on from each cell. */
export const RUN_KEYS: readonly Key[] = [
  { title: 'Task', of: names.TASK_NAME, links: [toTask(field('Task'))], width: 200 },
  { title: 'Outcome', of: names.TASK_OUTCOME, width: 90 },
  { title: 'Error', of: names.ERROR_TYPE, width: 150 },
  { title: 'Message', of: names.EXCEPTION_MESSAGE },
  { title: 'Route', of: names.REQUEST_ROUTE, width: 140 },
  { title: 'File', of: names.CODE_FILE_PATH, width: 200 },
  { title: 'Line', of: names.CODE_LINE_NUMBER, width: 60 },
  { title: 'Run', of: names.TASK_ID, links: [toRun(CLICKED, field('Trace'))], width: 110 },
  {
    title: 'Trace',
    of: names.TRACE_ID,
    links: [link('This trace', toTrace('${__value.raw}')), toRun(field('Run'), CLICKED)],
    width: 110,
  },
]

/** Of all tasks, or of those that are chosen. */
export const failedRuns = (config: Config, chosen: Chosen): readonly Builder<Panel>[] => [
  logTable({
    config,
    title: 'Latest failed runs',
    what: 'Every run that ended badly has a line, whether its trace was kept or not: what it said, where it threw, and which request it came from.',
    good: 'no rows.',
    otherwise: 'click Run for all there is about it, Trace for its trace. The same message in each row is one cause.',
    expr: logql({ events: FAILED_EVENTS, where: { ...chosen, [names.TASK_OUTCOME]: is(...BAD) } }),
    keys: RUN_KEYS,
    noValue: 'No run ended badly in this time.',
    w: 24,
    h: 9,
  }),
  spanTable({
    config,
    title: 'Traces of failed runs',
    what: 'Attempts that ended badly, from the traces. Tail sampling keeps them all, with the request that caused them.',
    good: 'no rows.',
    otherwise:
      'click the trace: the request on top, the attempts below, the exception on the last. A run of the table above that is missing here was not sampled.',
    query: `${spanset(SERVICE, ...conditions(chosen), where(names.TASK_OUTCOME, is(...BAD)))} | ${select(...SELECTED)}`,
    linkOf: { [names.TASK_NAME]: [toTask(CLICKED)], [names.TASK_ID]: [toRun(CLICKED)] },
    noValue: 'No trace of a failed run in this time.',
    w: 24,
    h: 8,
  }),
]

export const SELECTED = [
  names.TASK_NAME,
  names.TASK_OUTCOME,
  names.ERROR_TYPE,
  names.TASK_ATTEMPT,
  names.REQUEST_METHOD,
  names.REQUEST_ROUTE,
  names.ERROR_LOCATION,
  names.TASK_ID,
]

export const conditions = (chosen: Chosen): readonly string[] =>
  Object.entries(chosen).map(([attribute, matcher]) => where(attribute, matcher))

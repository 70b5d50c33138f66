// What alerts and dashboards share, made once a minute. Long windows are sums of short ones: they read a point per five
// minutes or per hour, not every sample of every instance.
import * as names from '../../../src/telemetry/names.ts'
import { WINDOWS, type Config, type Window } from '../../config.ts'
import { BAD, RUNS } from '../outcomes.ts'
import { is, labelOf, maxBy, select, sumBy } from '../promql.ts'
import { gainedBy, group, INSTANCE, numberOf, on, TASK } from './idioms.ts'
import { RECORDED, settledAs } from './recorded.ts'
import type { Group, RecordingRule } from './rule.ts'

/** In an order in which each file needs only what is recorded above it. */
export function recordingGroups(config: Config): readonly Group<RecordingRule>[] {
  return [
    { name: 'afterglow-counts', interval: '1m', rules: [...counts(config), ...definitions(config), stuck(config)] },
    { name: 'afterglow-long-counts', interval: '1m', rules: longCounts() },
    { name: 'afterglow-ratios', interval: '1m', rules: WINDOWS.map(ratio) },
  ]
}

function counts({ selector: scope }: Config): readonly RecordingRule[] {
  const settled = select(names.SETTLED, { scope })
  const accepted = select(names.SUBMISSIONS, {
    scope,
    where: { [names.SUBMISSION_RESULT]: is('accepted', 'fetched') },
  })
  return [
    ...(['5m', '1h'] as const).map((window) => ({
      record: RECORDED.settled(window),
      expr: gainedBy([...TASK, names.TASK_OUTCOME], settled, window),
    })),
    { record: RECORDED.accepted, expr: gainedBy(TASK, accepted, '1h') },
    { record: RECORDED.handled, expr: gainedBy(TASK, select(names.HANDLED_ERRORS, { scope }), '30m') },
  ]
}

const longCounts = (): readonly RecordingRule[] =>
  (
    [
      ['30m', '5m'],
      ['6h', '5m'],
      ['3d', '1h'],
    ] as const
  ).map(([window, step]) => ({
    record: RECORDED.settled(window),
    expr: `sum_over_time(${RECORDED.settled(step)}[${window}:${step}])`,
  }))

const ratio = (window: Window): RecordingRule => ({
  record: RECORDED.failures(window),
  expr: `${settledAs(window, BAD)}\n/\n(${settledAs(window, RUNS)} > 0)`,
})

/** What the definition of a task says; the defaults of config.ts where it says nothing. */
function definitions({ selector: scope, slo, owner }: Config): readonly RecordingRule[] {
  const [info, settled] = [select(names.TASK_INFO, { scope }), select(names.SETTLED, { scope })]
  const saying = (attribute: string): string =>
    `last_over_time(${info.replace(/}$/, `,${labelOf(attribute)}!=""}`)}[1h])`
  const everyTask = group(TASK, `last_over_time(${settled}[1h])`)
  const ownedBy = (of: string, value: string, pattern: string): string =>
    `label_replace(${of}, "owner", "${value}", "${labelOf(names.TASK_OWNER)}", "${pattern}")`
  const owners = ownedBy(ownedBy(`last_over_time(${info}[1h])`, owner, ''), '$1', '(.+)')
  return [
    {
      record: RECORDED.slo,
      expr: `${numberOf(saying(names.TASK_SLO), labelOf(names.TASK_SLO), TASK)}\nor ${on(TASK)}\n${slo} * ${everyTask}`,
    },
    { record: RECORDED.timeout, expr: numberOf(saying(names.TASK_TIMEOUT), labelOf(names.TASK_TIMEOUT), TASK) },
    {
      // One of them, where a deploy changes it: what is joined with must be one.
      record: RECORDED.owner,
      expr: `topk by (${TASK.map(labelOf).join(', ')}) (1, ${group([...TASK, 'owner'], owners)})
or ${on(TASK)}
${ownedBy(everyTask, owner, '')}`,
    },
  ]
}

function stuck({ selector: scope }: Config): RecordingRule {
  const moving = [names.SETTLED, names.RETRIES].map((metric) =>
    sumBy(INSTANCE, `rate(${select(metric, { scope })}[5m])`),
  )
  return {
    record: RECORDED.stuck,
    expr: `${maxBy(INSTANCE, select(names.QUEUE_OLDEST_AGE, { scope }))} > 0
and ${on(INSTANCE)}
(
  ${moving.join('\n  + ')}
  == 0
)`,
  }
}

// A task fails more often than its objective allows: over a long window, so that it matters, and a short one, so that it is
// still so. With few runs a ratio says nothing; those are left to AfterglowTaskFailedRarely. What burns fast is not told of
// twice.
import type { Burn, Config, Window } from '../../../config.ts'
import { BAD, RUNS } from '../../outcomes.ts'
import { indented, on, TASK } from '../idioms.ts'
import { RECORDED, settledAs } from '../recorded.ts'
import type { Alert } from '../rule.ts'
import { ofTask } from './asking.ts'

export function budgetAlerts({ thresholds }: Config): readonly Alert[] {
  const { burnFast, burnSlow, burnLong } = thresholds
  return [
    {
      ...burning(burnFast, thresholds),
      name: 'AfterglowBudgetBurnFast',
      severity: 'critical',
      for: '2m',
      keepFiringFor: '5m',
      impact:
        'What the objective allows for a month is gone in two days. What failed is not done, and nobody who asked for it was told.',
      dashboard: { ...ofTask.dashboard, last: '3h' },
    },
    {
      ...burning(burnSlow, thresholds, burnFast),
      name: 'AfterglowBudgetBurnSlow',
      severity: 'warning',
      for: '15m',
      impact:
        'What the objective allows for a month is gone in five days. What failed is not done, and nobody who asked for it was told.',
      dashboard: { ...ofTask.dashboard, last: '12h' },
    },
    {
      ...burning(burnLong, thresholds, burnSlow),
      name: 'AfterglowBudgetBurnLong',
      severity: 'info',
      for: '1h',
      impact: 'The objective is missed if this goes on. No hurry; but nothing else will say so.',
      dashboard: { ...ofTask.dashboard, last: '7d' },
    },
  ]
}

type Said = Omit<Alert, 'name' | 'severity' | 'impact' | 'dashboard'>

function burning({ factor, long, short }: Burn, thresholds: Config['thresholds'], faster?: Burn): Said {
  const fast = faster && burns(faster, faster.long, thresholds)
  return {
    expr: `${burns({ factor }, long, thresholds)}
and ${on(TASK)}
${RECORDED.failures(short)} > ${on(TASK)} ${allowed({ factor }, thresholds)}${fast === undefined ? '' : `\nunless ${on(TASK)}\n(\n${indented(fast)}\n)`}`,
    toldTo: 'task',
    summary: `{task} of {where} failed in {percent} of its runs within ${long}: more than ${factor === 1 ? '' : `${factor} times what `}its objective allows`,
    queries: ofTask.failures,
  }
}

const burns = (burn: Pick<Burn, 'factor'>, window: Window, thresholds: Config['thresholds']): string =>
  `${RECORDED.failures(window)} > ${on(TASK)} ${allowed(burn, thresholds)}
and ${on(TASK)}
${settledAs(window, RUNS)} >= ${thresholds.minRuns}
and ${on(TASK)}
${settledAs(window, BAD)} >= ${thresholds.minFailures}`

const allowed = ({ factor }: Pick<Burn, 'factor'>, { burnAtMost }: Config['thresholds']): string =>
  `clamp_max(${factor} * (1 - ${RECORDED.slo}), ${burnAtMost})`

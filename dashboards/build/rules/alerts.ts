// All alerts. One group each, so that one that is slow or wrong holds up no other.
import type { Config } from '../../config.ts'
import { bookkeepingAlerts } from './alerts/bookkeeping.ts'
import { budgetAlerts } from './alerts/budget.ts'
import { failureAlerts } from './alerts/failures.ts'
import { pipelineAlerts } from './alerts/pipeline.ts'
import { runningAlerts } from './alerts/running.ts'
import { alertRule, type AlertRule, type Group } from './rule.ts'

export function alertGroups(config: Config): readonly Group<AlertRule>[] {
  const groups = {
    'afterglow-budget': budgetAlerts(config),
    'afterglow-failures': failureAlerts(config),
    'afterglow-running': runningAlerts(config),
    'afterglow-bookkeeping': bookkeepingAlerts(config),
    'afterglow-pipeline': pipelineAlerts(config),
  }
  return Object.entries(groups).map(([name, alerts]) => ({
    name,
    interval: '1m',
    rules: alerts.map((alert) => alertRule(config, alert)),
  }))
}

// What rules are, and how an alert is made of what is said about it.
import { runbookUrl, type AlertName, type Config } from '../../config.ts'
import { indented, on, TASK } from './idioms.ts'
import { RECORDED } from './recorded.ts'
import { dashboardUrl, say, type DashboardLink } from './texts.ts'

/** `level:metric:operation`, as Prometheus has it. */
export interface RecordingRule {
  readonly record: string
  readonly expr: string
}

export interface AlertRule {
  readonly alert: AlertName
  readonly expr: string
  readonly for?: string
  readonly keep_firing_for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface Group<Rule> {
  readonly name: string
  readonly interval: string
  readonly rules: readonly Rule[]
}

/** `critical` wakes somebody, `warning` is looked at the same day, `info` when there is time. */
export type Severity = 'critical' | 'warning' | 'info'

/** In all texts a word in braces stands for a label of the alert or its value: texts.ts has the list. */
export interface Alert {
  readonly name: AlertName
  readonly severity: Severity
  readonly expr: string
  /** It has to be so for this long. @default at once */
  readonly for?: string
  /** It fires for so long after it ended, where it would flap else. @default not at all */
  readonly keepFiringFor?: string
  /** `task`: the team that its definition names is told. Else the one of config.ts. */
  readonly toldTo: 'task' | 'installation'
  /** One line, with the value. */
  readonly summary: string
  /** Who notices, and what waiting costs. */
  readonly impact: string
  readonly dashboard: DashboardLink
  /** What to ask first. */
  readonly queries: { readonly promql: string; readonly logql?: string; readonly traceql?: string }
}

export function alertRule(config: Config, alert: Alert): AlertRule {
  const ofTask = alert.toldTo === 'task'
  const url = runbookUrl(config, alert.name)
  return {
    alert: alert.name,
    expr: ofTask ? withOwner(alert.expr) : alert.expr,
    ...(alert.for !== undefined && { for: alert.for }),
    ...(alert.keepFiringFor !== undefined && { keep_firing_for: alert.keepFiringFor }),
    labels: { severity: alert.severity, ...(!ofTask && { owner: config.owner }) },
    annotations: {
      summary: say(alert.summary),
      impact: say(alert.impact),
      dashboard_url: dashboardUrl(config.grafanaUrl, alert.dashboard),
      runbook_url: url.startsWith('/') ? `${config.grafanaUrl}${url}` : url,
      ...Object.fromEntries(Object.entries(alert.queries).map(([language, query]) => [language, say(query)])),
    },
  }
}

const withOwner = (expr: string): string =>
  `(\n${indented(expr)}\n)\n* ${on(TASK)} group_left (owner) ${RECORDED.owner}`

// What an installation decides: objective, owner, thresholds, and where things are. Dashboards, rules and provisioning are
// made from this file alone, and `npx koa-afterglow dashboards` writes them for another installation by changing it.

export interface Config {
  /** Part of a task's runs that must not fail, for a task whose definition says none (`defineTask({ slo })`). */
  readonly slo: number
  /** Who is told about a task whose definition names nobody (`defineTask({ owner })`). */
  readonly owner: string
  /**
   * Label matcher that every query of every rule carries. Dashboards carry it where it is not the default, before their own
   * `job=~"$job"`: so another selector is a replacement of text in what is committed.
   */
  readonly selector: string
  /** Where Grafana answers, without a slash at the end: for links from alerts. Links between dashboards are relative. */
  readonly grafanaUrl: string
  /** Folder of runbooks on the web, without a slash at the end. @default the Runbooks dashboard of `grafanaUrl` */
  readonly runbooksUrl: string | undefined
  /** Of the collector's own series, `up` among them, as Prometheus scrapes it. */
  readonly collectorSelector: string
  readonly thresholds: Thresholds
}

/** Durations in seconds. Above each of them something is wrong: there panels turn red and alerts begin to wait. */
export interface Thresholds {
  /** Budget burn, as multiples of what the objective allows, over a long and a short window. */
  readonly burnFast: Burn
  readonly burnSlow: Burn
  readonly burnLong: Burn
  /** With an objective so low that a multiple of what it allows is never reached, this part of failed runs is enough. */
  readonly burnAtMost: number
  /** Fewer runs than this in the long window, and a ratio says nothing. */
  readonly minRuns: number
  /** Fewer failures than this in the long window burn nothing: with a strict objective the first would. */
  readonly minFailures: number
  /** Errors that middleware swallowed within half an hour, and how many times the six hours before that is. */
  readonly handled: { readonly atLeast: number; readonly rise: number }
  /** The oldest task that is ready to run waits for this long. */
  readonly queueLagging: number
  /** The same, while nothing at all ends. */
  readonly queueStuck: number
  /** A run takes this many times its `timeoutMs`. */
  readonly hungTimeouts: number
  /** The same, for a task without `timeoutMs`. */
  readonly hungWithoutTimeout: number
  /** Part of the slots, or of the room for waiting tasks, that is taken. */
  readonly saturated: number
  /** An instance that has sent no metric for this long is gone, or nobody can hear it. Three exports of 60 s. */
  readonly stale: number
  /** Nothing at all of a service has come for this long. */
  readonly absent: number
  /** A task that was added this often in the same hour of yesterday is missed. */
  readonly traffic: number
  /** Part of the collector's queue of an exporter that is taken. */
  readonly collectorQueue: number
}
export interface Burn {
  readonly factor: number
  readonly long: Window
  readonly short: Window
}
/** Over which failure ratios are recorded. */
export const WINDOWS = ['5m', '30m', '1h', '6h', '3d'] as const
export type Window = (typeof WINDOWS)[number]

export const DEFAULT_SELECTOR = 'job=~".+"'

export const config: Config = {
  slo: 0.99,
  owner: 'on-call',
  selector: DEFAULT_SELECTOR,
  grafanaUrl: 'http://localhost:3000',
  runbooksUrl: undefined,
  collectorSelector: 'job="otel-collector"',
  thresholds: {
    burnFast: { factor: 14.4, long: '1h', short: '5m' },
    burnSlow: { factor: 6, long: '6h', short: '30m' },
    burnLong: { factor: 1, long: '3d', short: '6h' },
    burnAtMost: 0.9,
    minRuns: 20,
    minFailures: 3,
    handled: { atLeast: 10, rise: 3 },
    queueLagging: 30,
    queueStuck: 60,
    hungTimeouts: 2,
    hungWithoutTimeout: 900,
    saturated: 0.9,
    stale: 180,
    absent: 600,
    traffic: 10,
    collectorQueue: 0.8,
  },
}

/** Part of every dashboard's address; they never change. */
export const UIDS = {
  overview: 'afterglow-overview',
  task: 'afterglow-task',
  run: 'afterglow-run',
  runner: 'afterglow-runner',
  pipeline: 'afterglow-pipeline',
  /** Every runbook as a panel, so that it is at hand where the alert leads to. */
  runbooks: 'afterglow-runbooks',
} as const

/** The tag that all dashboards have, and by which each links to the others. */
export const TAG = 'koa-afterglow'

/** Uids of the provisioned datasources. Dashboards do not name them: they ask for any of the type. */
export const DATASOURCES = { prometheus: 'prometheus', loki: 'loki', tempo: 'tempo' } as const

/** Every alert; its runbook is `docs/runbooks/NAME.md`. Panels lead to them by these names. */
export const ALERTS = [
  'AfterglowBudgetBurnFast',
  'AfterglowBudgetBurnSlow',
  'AfterglowBudgetBurnLong',
  'AfterglowTaskFailedRarely',
  'AfterglowErrorsHandled',
  'AfterglowQueueStuck',
  'AfterglowQueueLagging',
  'AfterglowTaskHung',
  'AfterglowSaturated',
  'AfterglowTasksLost',
  'AfterglowStrayErrors',
  'AfterglowLedgerImbalance',
  'AfterglowInstanceVanished',
  'AfterglowTrafficCeased',
  'AfterglowMetricsAbsent',
  'AfterglowRunnerErrors',
  'AfterglowTelemetryDropped',
  'AfterglowCollectorDropping',
  'AfterglowCollectorQueueFilling',
  'AfterglowCollectorDown',
] as const
export type AlertName = (typeof ALERTS)[number]

/** Panels have the id that their name makes: an address with `viewPanel` stays right when others come and go. */
export function panelId(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return (hash >>> 0) % 1_000_000_000
}

/** Where an alert's runbook is read; relative to Grafana if they are in there. */
export const runbookUrl = ({ runbooksUrl }: Pick<Config, 'runbooksUrl'>, alert: AlertName): string =>
  runbooksUrl === undefined ? `/d/${UIDS.runbooks}?viewPanel=${panelId(alert)}` : `${runbooksUrl}/${alert}.md`

// Where dashboards are red at one moment: each number against the thresholds of its panel, as Grafana colours it.
import type { Dashboard, Panel, Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboards } from '../../../dashboards/build/dashboards.ts'
import { panelsOf } from '../../../dashboards/build/model.ts'
import { config, UIDS } from '../../../dashboards/config.ts'
import { targetsOf } from '../dashboard-lint/queries.ts'
import type { Prometheus } from '../prometheus.ts'
import { ask, type Variables } from '../promql.ts'

export interface Looking {
  readonly environment: string
  /** Unix seconds. */
  readonly time: number
  /** The task that Task detail is of. */
  readonly task: string
}

const committed = dashboards(config).map((one) => JSON.parse(JSON.stringify(one)) as Dashboard)

/** As `uid: title`, of those that say so by colour. */
export async function redPanels(prometheus: Prometheus, looking: Looking): Promise<readonly string[]> {
  const found: string[] = []
  for (const dashboard of committed)
    for (const panel of panelsOf(dashboard))
      if (hasThresholds(panel) && (await isRed(prometheus, panel, looking)))
        found.push(`${shortName(dashboard)}: ${panel.title}`)
  return found
}

const shortName = ({ uid }: Dashboard): string =>
  Object.entries(UIDS).find(([, one]) => one === uid)?.[0] ?? String(uid)

const hasThresholds = (panel: Panel): boolean => JSON.stringify(panel.fieldConfig ?? {}).includes('"red"')

async function isRed(prometheus: Prometheus, panel: Panel, { environment, time, task }: Looking): Promise<boolean> {
  const variables: Variables = {
    environment,
    task,
    collector: '.+',
    __range: '3h',
    __rate_interval: '5m',
    __interval: '1m',
  }
  let silent = panel.type === 'stat' && JSON.stringify(panel.fieldConfig?.defaults.mappings).includes('"red"')
  for (const target of targetsOf(panel)) {
    const series = await ask(prometheus, target.expr ?? '', { variables, time })
    if (series.length > 0) silent = false
    const steps = stepsOf(panel, target.legendFormat ?? '', target.refId ?? 'A')
    if (series.some(({ value }) => colourOf(Number(value[1]), steps) === 'red')) return true
  }
  return silent // what it says when there is no number at all
}

/** Of the series itself, or of the column of a table that it fills; else of the panel. */
function stepsOf({ fieldConfig, transformations = [] }: Panel, legend: string, refId: string): readonly Threshold[] {
  const organize = transformations.find(({ id }) => id === 'organize')?.options as
    | { readonly renameByName: Readonly<Record<string, string>> }
    | undefined
  const names = [legend, organize?.renameByName[`Value #${refId}`]]
  const own = (fieldConfig?.overrides ?? [])
    .filter(({ matcher }) => matcher.id === 'byName' && names.includes(String(matcher.options)))
    .flatMap(({ properties }) => properties)
    .find(({ id }) => id === 'thresholds')?.value as { readonly steps: readonly Threshold[] } | undefined
  return own?.steps ?? fieldConfig?.defaults.thresholds?.steps ?? []
}

function colourOf(value: number, steps: readonly Threshold[]): string {
  const reached = steps.filter((step) => step.value === null || value >= step.value)
  return reached.at(-1)?.color ?? ''
}

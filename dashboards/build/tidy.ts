// Takes out what the SDK writes though nobody asked for it. Some of it would be seen: `placement` hides links and
// annotations in a menu.
import type { Dashboard, DashboardLink, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelsOf } from './model.ts'

type Loose = Record<string, unknown>

export function tidied(dashboard: Dashboard): Dashboard {
  for (const link of dashboard.links ?? []) without(link, 'placement')
  for (const annotation of dashboard.annotations.list ?? []) {
    without(annotation, 'placement')
    if (annotation.builtIn === 0) without(annotation, 'builtIn')
  }
  // Of interval variables, which there are none of.
  for (const variable of dashboard.templating.list ?? []) without(variable, 'auto', 'auto_min', 'auto_count')
  panelsOf(dashboard).forEach(tidyPanel)
  return dashboard
}

function tidyPanel(panel: Panel): void {
  without(panel, 'transparent', 'repeatDirection')
  if (panel.links) panel.links = panel.links.map(plain)
  const { defaults, overrides = [] } = panel.fieldConfig ?? {}
  if (defaults?.links) defaults.links = defaults.links.map(plain)
  for (const property of overrides.flatMap(({ properties }) => properties))
    if (property.id === 'links') property.value = (property.value as DashboardLink[]).map(plain)
}

/** Of a link in a panel the rest means nothing. */
const plain = ({ title, url }: DashboardLink): DashboardLink => ({ title, url }) as DashboardLink

function without(from: object, ...keys: readonly string[]): void {
  for (const key of keys) delete (from as Loose)[key]
}

// What a dashboard holds, for whoever reads one.
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'

export type AnyPanel = Panel | RowPanel

export const isPanel = (panel: AnyPanel): panel is Panel => panel.type !== 'row'

export const panelsOf = ({ panels = [] }: Dashboard): readonly Panel[] => panels.filter(isPanel)

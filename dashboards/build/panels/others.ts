// Panels that ask no data source of ours: alerts that fire, and text.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TextPanel } from '@grafana/grafana-foundation-sdk/text'
import { panelId } from '../../config.ts'
import { describe, type Place, type Words } from './common.ts'

/** Alerts of ours, from Grafana and from data sources alike. The SDK has no builder for the panel `alertlist`. */
export const alertList = (spec: Words & Place): Builder<Panel> => ({
  build: () => ({
    id: panelId(spec.title),
    type: 'alertlist',
    title: spec.title,
    description: describe(spec),
    gridPos: { x: 0, y: 0, w: spec.w, h: spec.h },
    options: {
      viewMode: 'list',
      alertName: 'Afterglow',
      alertInstanceLabelFilter: '',
      groupMode: 'default',
      groupBy: [],
      maxItems: 20,
      sortOrder: 3, // the one that matters most first
      showInstances: false,
      dashboardAlerts: false,
      stateFilter: { firing: true, pending: true, error: true, noData: false, normal: false, recovering: true },
    },
  }),
})

export const text = ({ title, content, w, h }: { title: string; content: string } & Place): Builder<Panel> =>
  new TextPanel().id(panelId(title)).title(title).content(content).gridPos({ x: 0, y: 0, w, h })

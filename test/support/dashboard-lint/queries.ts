// Rules for what panels ask: that it parses, that it asks for what is there, and that what is chosen at the top counts.
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { FOREIGN } from '../../../dashboards/build/foreign.ts'
import { panelsOf } from '../../../dashboards/build/model.ts'
import { labelOf, seriesOf } from '../../../docs/build/prometheus-names.ts'
import { ATTRIBUTES, LOGS, METRICS, SPANS } from '../../../src/telemetry/names/registry.ts'
import { errorsIn } from '../grafana.ts'
import { selectorsIn, groupedBy, type Selected } from '../promql-nodes.ts'
import { EVERYTHING, substitute } from '../promql.ts'

export interface Asked {
  readonly panel: string
  readonly language: 'promql' | 'logql' | 'traceql'
  readonly query: string
  readonly instant: boolean
  readonly legend: string
  readonly ref: string
}
interface Target {
  readonly datasource?: { readonly type?: string; readonly uid?: string }
  readonly expr?: string
  readonly query?: string
  readonly instant?: boolean
  readonly queryType?: string
  readonly legendFormat?: string
  readonly refId?: string
}

const LANGUAGES = { prometheus: 'promql', loki: 'logql', tempo: 'traceql' } as const

export const targetsOf = ({ targets = [] }: Panel): readonly Target[] => targets as unknown as readonly Target[]

/** Every query of panels, annotations and variables. */
export function askedBy(dashboard: Dashboard): readonly Asked[] {
  const panels = panelsOf(dashboard).flatMap((panel) =>
    targetsOf(panel).map((target) => ({ ...asked(target), panel: panel.title ?? '' })),
  )
  const annotations = (dashboard.annotations.list ?? []).flatMap(({ name, datasource, expr, titleFormat }) =>
    expr
      ? [
          {
            ...asked({ ...(datasource && { datasource }), expr }),
            legend: titleFormat ?? '',
            panel: `annotation ${name}`,
          },
        ]
      : [],
  )
  return [...panels, ...annotations]
}
const asked = ({ datasource, expr, query, instant, queryType, legendFormat, refId }: Target): Omit<Asked, 'panel'> => ({
  language: LANGUAGES[(datasource?.type ?? '') as keyof typeof LANGUAGES],
  query: expr ?? query ?? '',
  instant: instant === true || queryType === 'instant',
  legend: legendFormat ?? '',
  ref: refId ?? 'A',
})

const inside = (query: string): string =>
  substitute(query, { ...EVERYTHING, run: 'a', trace: 'b', route: 'c', collector: '.+' })
const promqlOf = (dashboard: Dashboard): readonly Asked[] =>
  askedBy(dashboard).filter(({ language }) => language === 'promql')
type Found = readonly string[]
const selections = (dashboard: Dashboard): readonly (Asked & Selected)[] =>
  promqlOf(dashboard).flatMap((one) => selectorsIn(inside(one.query)).map((selected) => ({ ...one, ...selected })))

export const parses = (dashboard: Dashboard): Found =>
  askedBy(dashboard).flatMap(({ panel, language, query }) =>
    // A trace is asked for by its id alone.
    query === '$trace' ? [] : errorsIn(language, inside(query)).map((error) => `${panel}: ${error}`),
  )

interface Known {
  readonly labels: readonly string[]
  readonly counts: boolean
}
const PROMETHEUS_LABELS = ['job', 'instance', 'le', 'deployment_environment_name', 'service_version']
const known: ReadonlyMap<string, Known> = new Map([
  ...METRICS.flatMap((info) =>
    seriesOf(info).map((name): [string, Known] => [
      name,
      { labels: [...info.always, ...info.sometimes].map(labelOf), counts: info.kind !== 'observable gauge' },
    ]),
  ),
  ...FOREIGN.map(({ name, kind, labels }): [string, Known] => [
    kind === 'histogram' ? `${name}_bucket` : name,
    { labels, counts: kind !== 'gauge' },
  ]),
])

export const asksForWhatIsEmitted = (dashboard: Dashboard): Found => [
  ...selections(dashboard).flatMap(({ panel, metric, labels }) => {
    const info = known.get(metric)
    if (!info) return [`${panel}: nothing emits ${metric || 'a metric without a name'}`]
    const there = [...info.labels, ...PROMETHEUS_LABELS]
    return labels.filter(({ name }) => !there.includes(name)).map(({ name }) => `${panel}: ${metric} has no ${name}`)
  }),
  ...selections(dashboard).flatMap(({ panel, labels }) =>
    labels.flatMap(({ name, value }) => unknownValues(name, value).map((one) => `${panel}: ${name} is never ${one}`)),
  ),
]

function unknownValues(label: string, pattern: string): Found {
  const [, info] = Object.entries(ATTRIBUTES).find(([attribute]) => labelOf(attribute) === label) ?? []
  return info?.values && pattern !== '.*' ? pattern.split('|').filter((value) => !info.values?.includes(value)) : []
}

/** A legend or a title that names a label which the query sums away stays empty. */
export const legendsNameWhatIsGroupedBy = (dashboard: Dashboard): Found =>
  promqlOf(dashboard).flatMap(({ panel, query, legend }) =>
    [...legend.matchAll(/\{\{(\w+)\}\}/g)]
      .map(([, label = '']) => label)
      .filter((label) => !groupedBy(inside(query)).includes(label))
      .map((label) => `${panel}: ${label} is in the legend and not in the query`),
  )

/** Of the application's series. Of the collector's, its job; whatever an alert list of all collectors asks for has both. */
export const heedsWhatIsChosen = (dashboard: Dashboard): Found =>
  promqlOf(dashboard).flatMap(({ panel, query }) =>
    selectorsIn(query).flatMap(({ metric, labels }) => {
      const says = (label: string, value: string) => labels.some((one) => one.name === label && one.value === value)
      const ofCollector = metric.startsWith('otelcol_') || metric === 'up'
      if (ofCollector) return says('job', '$collector') || says('job', '.+') ? [] : [`${panel}: which collector?`]
      const missing = [
        ['job', '$job'],
        ['instance', '$instance'],
        ['deployment_environment_name', '$environment'],
      ].filter(([label = '', value = '']) => !says(label, value))
      return missing.map(([label]) => `${panel}: ${metric} of any ${label}`)
    }),
  )

const RATES = ['rate', 'irate', 'increase']

/** A window shorter than four exports shows holes: `$__rate_interval` is never. What is asked once covers what is looked at. */
export const windowsFit = (dashboard: Dashboard): Found =>
  promqlOf(dashboard).flatMap(({ panel, query, instant }) =>
    selectorsIn(query).flatMap(({ range, within }) => {
      if (range === undefined) return []
      const allowed = instant ? ['$__range', '$__rate_interval'] : ['$__rate_interval', '$__range']
      const rate = RATES.find((name) => within.includes(name))
      // A maximum over what is looked at may be taken in steps; and what was before a window is looked for within an hour.
      if (instant && within.includes('max_over_time') && /^\$__range:(\d+m|\$__interval)$/.test(range)) return []
      if (within.includes('last_over_time') && range === '1h') return []
      // Bars count what lies within their own width, by an idiom that needs no second value in it.
      if (!instant && range === '$__interval' && query.includes('resets(')) return []
      if (!instant && rate && range !== '$__rate_interval') return [`${panel}: ${rate} over ${range}`]
      return allowed.includes(range) ? [] : [`${panel}: a window of ${range}`]
    }),
  )

/** What was counted since the process started says nothing by itself, nor does each series of many. */
export const countersAreAggregated = (dashboard: Dashboard): Found =>
  selections(dashboard)
    .filter(({ metric }) => known.get(metric)?.counts)
    .filter(({ within }) => !within.some((name) => ['sum', 'max', 'count', 'min'].includes(name)))
    .map(({ panel, metric }) => `${panel}: each series of ${metric}`)

export const quantilesKeepBuckets = (dashboard: Dashboard): Found =>
  promqlOf(dashboard)
    .filter(({ query }) => query.includes('histogram_quantile('))
    .filter(({ query }) => !groupedBy(inside(query)).includes('le'))
    .map(({ panel }) => `${panel}: a quantile of no buckets`)

const logFields: ReadonlySet<string> = new Set([
  ...LOGS.flatMap(({ always, sometimes }) => [...always, ...sometimes]).map(labelOf),
  'deployment_environment_name',
  'event_name',
  'service_name',
])
const events: ReadonlySet<string> = new Set(LOGS.map(({ event }) => event))

export const linesAskForWhatIsLogged = (dashboard: Dashboard): Found =>
  askedBy(dashboard)
    .filter(({ language }) => language === 'logql')
    .flatMap(({ panel, query }) => [
      ...[...query.matchAll(/(\w+)\s*(?:=|!=|=~|!~)\s*"/g)]
        .filter(([, field = '']) => !logFields.has(field))
        .map(([, field]) => `${panel}: no line has ${field}`),
      ...[...query.matchAll(/event_name=~?"([^"]*)"/g)]
        .flatMap(([, all = '']) => all.split('|'))
        .filter((event) => !events.has(event))
        .map((event) => `${panel}: nothing logs ${event}`),
      ...(query.includes('$service') ? [] : [`${panel}: lines of any service`]),
    ])

const spanAttributes: ReadonlySet<string> = new Set(SPANS.flatMap(({ always, sometimes }) => [...always, ...sometimes]))

export const tracesAskForWhatSpansHave = (dashboard: Dashboard): Found =>
  askedBy(dashboard)
    .filter(({ language, query }) => language === 'traceql' && query !== '$trace')
    .flatMap(({ panel, query }) => [
      ...[...query.matchAll(/\bspan\.([\w.]+)/g)]
        .filter(([, attribute = '']) => !spanAttributes.has(attribute))
        .map(([, attribute]) => `${panel}: no span has ${attribute}`),
      ...(query.includes('${service:pipe}') ? [] : [`${panel}: spans of any service`]),
    ])

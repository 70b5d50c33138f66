// Rules for what is around the queries: who and where a panel is, what it says, where it leads.
import { VariableRefresh, VariableType, type Dashboard, type Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { isPanel, panelsOf } from '../../../dashboards/build/model.ts'
import { panelId, TAG, UIDS } from '../../../dashboards/config.ts'
import { targetsOf } from './queries.ts'

type Found = readonly string[]
const UNITS: ReadonlySet<unknown> = new Set(Object.values(units))

export function hasAStableAddress(dashboard: Dashboard): Found {
  const { uid = '', id, panels = [] } = dashboard
  const ids = panels.map((panel) => panel.id)
  const own = panelsOf(dashboard).filter(({ id: one, title = '' }) => one !== panelId(title))
  return [
    ...((Object.values(UIDS) as string[]).includes(uid) ? [] : [`the uid ${uid} is not in the configuration`]),
    ...(id === undefined ? [] : [`the id ${id} is of one installation`]),
    ...own.map(({ title }) => `${title}: an id that does not come from its title`),
    ...ids.filter((one, at) => one === undefined || ids.indexOf(one) !== at).map((one) => `two panels are ${one}`),
  ]
}

export const isReadOnlyAndClassic = ({
  editable,
  schemaVersion,
  tags,
  refresh,
  time,
  links = [],
  annotations,
}: Dashboard): Found => [
  ...(editable === false ? [] : ['it can be edited where it is provisioned, and the change is lost']),
  ...(schemaVersion === 42 ? [] : [`schema ${schemaVersion} cannot be provisioned from files everywhere`]),
  ...(tags?.includes(TAG) ? [] : ['the others do not find it by its tag']),
  ...(refresh && time ? [] : ['no time, or no refresh']),
  ...[...links, ...(annotations.list ?? [])]
    .filter((one) => 'placement' in one)
    .map(() => 'a link that only a menu shows'),
]

const wordless = (panel: Panel): boolean => panel.type === 'text'

export const saysWhatGoodIsAndWhatToDo = (dashboard: Dashboard): Found =>
  panelsOf(dashboard)
    .filter((panel) => !wordless(panel))
    .flatMap(({ title = '', description = '' }) => [
      ...(title.length > 0 && title.length <= 45 ? [] : [`"${title}" is no title`]),
      ...(/^.{15,}\n\n\*\*Good:\*\* .+\n\n\*\*Otherwise:\*\* .{15,}$/.test(description)
        ? []
        : [`${title}: not what it is, what is good and what to do otherwise`]),
    ])

/** Lists of lines, spans and alerts have no numbers. */
export const numbersHaveUnits = (dashboard: Dashboard): Found =>
  panelsOf(dashboard)
    .filter(({ type }) => ['timeseries', 'stat', 'heatmap'].includes(type))
    .flatMap(({ title, fieldConfig }) => {
      const unit = fieldConfig?.defaults.unit
      return UNITS.has(unit) ? [] : [`${title}: ${unit} is no unit`]
    })

export const asksTheChosenDatasources = (dashboard: Dashboard): Found => {
  const variables = new Map((dashboard.templating.list ?? []).map((one) => [one.name, one]))
  const asked = [
    ...panelsOf(dashboard).flatMap((panel) => [
      panel.datasource,
      ...targetsOf(panel).map(({ datasource }) => datasource),
    ]),
    ...(dashboard.annotations.list ?? []).filter(({ builtIn }) => !builtIn).map(({ datasource }) => datasource),
    ...(dashboard.templating.list ?? [])
      .filter(({ type }) => type === VariableType.Query)
      .map(({ datasource }) => datasource),
  ].filter((one) => one !== undefined)
  return asked
    .filter(({ uid = '', type }) => variables.get(/^\$\{(\w+)\}$/.exec(uid)?.[1] ?? '')?.query !== type)
    .map(({ uid, type }) => `${uid} is no variable for ${type}`)
}

export const everyPanelAsksSomething = (dashboard: Dashboard): Found =>
  panelsOf(dashboard)
    .filter(({ type }) => !['text', 'alertlist'].includes(type))
    .filter((panel) => targetsOf(panel).every(({ expr, query }) => !(expr ?? query)))
    .map(({ title }) => `${title}: no query`)

export function fillsTheGrid({ panels = [] }: Dashboard): Found {
  const taken = new Map<string, string>()
  const problems: string[] = []
  const width = new Map<number, number>()
  for (const { gridPos, title = '' } of panels) {
    const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {}
    if (w < 1 || h < 1 || x + w > 24) problems.push(`${title} is outside of the grid`)
    width.set(y, (width.get(y) ?? 0) + w)
    for (let column = x; column < x + w; column++)
      for (let row = y; row < y + h; row++) {
        const other = taken.get(`${column} ${row}`)
        if (other !== undefined) problems.push(`${title} lies on ${other}`)
        taken.set(`${column} ${row}`, title)
      }
  }
  for (const [y, sum] of width) if (sum !== 24) problems.push(`the line at ${y} is ${sum} wide`)
  return [...new Set(problems)]
}

/** Variables that are chosen, reload with the time, and of which several can be chosen. */
export function canBeNarrowedDown({ templating }: Dashboard): Found {
  const variables = new Map((templating.list ?? []).map((one) => [one.name, one]))
  return [
    ...['environment', 'job', 'instance'].filter(
      (name) => !variables.get(name)?.multi || !variables.get(name)?.includeAll,
    ),
    ...[...variables.values()]
      .filter(({ type, refresh }) => type === VariableType.Query && refresh !== VariableRefresh.OnTimeRangeChanged)
      .map(({ name }) => name),
  ].map((name) => `${name} cannot be chosen as it should`)
}

/** Colour is for what is wrong: neutral until then, red from there. */
export const coloursOnlyWhatIsWrong = (dashboard: Dashboard): Found =>
  panelsOf(dashboard).flatMap(({ title, fieldConfig }) => {
    const steps = fieldConfig?.defaults.thresholds?.steps ?? []
    const colours = steps.map(({ color }) => color)
    return colours.every((colour) => ['text', 'transparent', 'red'].includes(colour))
      ? []
      : [`${title}: ${colours.join()}`]
  })

interface Link {
  readonly from: string
  readonly url: string
}
export function linksOf(dashboard: Dashboard): readonly Link[] {
  return panelsOf(dashboard).flatMap(({ title = '', links = [], fieldConfig, options }) => {
    const overrides = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'links').flatMap(({ value }) => value as { url?: string }[]),
    )
    const { content = '' } = (options ?? {}) as { content?: string }
    const inText = [...content.matchAll(/\]\(([^)]+)\)/g)].map(([, url = '']) => ({ url: `/${url}` }))
    const all = [...inText, ...links, ...(fieldConfig?.defaults.links ?? []), ...overrides] as { url?: string }[]
    return all.flatMap(({ url }) => (url ? [{ from: title, url }] : []))
  })
}

const BUILT_IN = /^__(?:url_time_range|from|to|value\.|field\.labels\.|data\.fields\[)/

export const linksLeadSomewhere = (dashboard: Dashboard, all: readonly Dashboard[]): Found =>
  linksOf(dashboard).flatMap(({ from, url }) => {
    const own = new Set((dashboard.templating.list ?? []).map(({ name }) => name))
    const used = [...url.matchAll(/\$\{([^}:]+)/g)].map(([, name = '']) => name)
    const unknown = used
      .filter((name) => !own.has(name) && !BUILT_IN.test(name))
      .map((name) => `${from}: no ${name} here`)
    return [...unknown, ...(url.startsWith('/explore') ? [] : toDashboard({ from, url }, all))]
  })

function toDashboard({ from, url }: Link, all: readonly Dashboard[]): Found {
  const [, uid, query = ''] = /^\/d\/([\w-]+)\?(.*)$/.exec(url) ?? []
  const target = all.find((one) => one.uid === uid)
  if (!target) return [`${from}: no dashboard at ${url}`]
  if (uid === UIDS.runbooks) return toRunbook({ from, url }, target)
  const there = new Set((target.templating.list ?? []).map(({ name }) => name))
  const given = [...query.matchAll(/(?:^|&)(?:var-(\w+)=|\$\{(\w+):queryparam\})/g)].map(([, a, b]) => a ?? b ?? '')
  return [
    ...given.filter((name) => !there.has(name)).map((name) => `${from}: ${uid} has no ${name} to choose`),
    ...(query.includes('${__url_time_range}') ? [] : [`${from}: the time is not carried to ${uid}`]),
    ...(uid !== UIDS.task || given.includes('task') ? [] : [`${from}: which task?`]),
    ...(['datasource', 'loki', 'tempo', 'environment', 'job'].every((name) => given.includes(name))
      ? []
      : [`${from}: what is chosen is not carried to ${uid}`]),
  ]
}

function toRunbook({ from, url }: Link, target: Dashboard): Found {
  const id = Number(/viewPanel=(\d+)/.exec(url)?.[1])
  return panelsOf(target).some((panel) => panel.id === id) ? [] : [`${from}: no runbook at ${url}`]
}

/** Columns that a link or an override names are there. */
export const cellsAreThere = (dashboard: Dashboard): Found =>
  panelsOf(dashboard)
    .filter(({ type }) => type === 'table')
    .flatMap(({ title = '', transformations = [], fieldConfig }) => {
      const organize = transformations.find(({ id }) => id === 'organize')?.options as
        | { renameByName?: Record<string, string> }
        | undefined
      if (!organize?.renameByName) return []
      const columns = new Set<unknown>(['Time', ...Object.values(organize.renameByName)])
      const named = (fieldConfig?.overrides ?? [])
        .filter(({ matcher }) => matcher.id === 'byName')
        .map(({ matcher }) => String(matcher.options))
      const linked = linksOf({ ...dashboard, panels: panelsOf(dashboard).filter((panel) => panel.title === title) })
        .flatMap(({ url }) => [...url.matchAll(/__data\.fields\["([^"]+)"\]/g)])
        .map(([, column = '']) => column)
      return [...named, ...linked]
        .filter((column) => !columns.has(column))
        .map((column) => `${title}: no column ${column}`)
    })

export const asksForVariablesThatAreThere = (dashboard: Dashboard): Found => {
  const own = new Set((dashboard.templating.list ?? []).map(({ name }) => name))
  const queries = panelsOf(dashboard).flatMap((panel) =>
    targetsOf(panel).map(({ expr, query }) => [panel.title ?? '', expr ?? query ?? ''] as const),
  )
  return queries.flatMap(([title, query]) =>
    [...query.matchAll(/\$\{?([a-zA-Z_]\w*)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !own.has(name) && !name.startsWith('__'))
      .map((name) => `${title}: no ${name} can be chosen`),
  )
}

export const rowsHavePanels = ({ panels = [] }: Dashboard): Found =>
  panels.flatMap((panel, at) => {
    const next = panels[at + 1]
    return !isPanel(panel) && !(next && isPanel(next)) ? [`the row ${panel.title} is empty`] : []
  })

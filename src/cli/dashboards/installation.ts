// How what is committed becomes another installation's: by replacing text that is in it for that purpose. Nothing is
// parsed but JSON, so it runs without the packages that dashboards are generated with; tests hold the outcome to what
// generating it anew would give.

/** As dashboards/config.ts has them: what every committed file says. */
const COMMITTED = {
  selector: 'job=~".+"',
  /** Of a dashboard, which narrows down by a variable what the selector admits. */
  chosen: 'job=~"$job"',
  grafanaUrl: 'http://localhost:3000',
  sourceUrl: '${AFTERGLOW_SOURCE_URL}',
  sourceRoot: '/app/',
} as const

export interface Installation {
  /** Label matchers without braces. */
  readonly selector: string | undefined
  /** Without a slash at the end. */
  readonly grafanaUrl: string | undefined
  /** With `{path}`, `{line}` and maybe `{version}`. */
  readonly sourceUrl: string | undefined
  /** Folder that paths in stacks begin with, with a slash at the end. */
  readonly sourceRoot: string | undefined
}

/** A file by its path below `dashboards/`, as it is for this installation. */
export function adapted(path: string, text: string, installation: Installation): string {
  if (path.endsWith('.json'))
    return `${JSON.stringify(walk(JSON.parse(text), inDashboard(installation)), undefined, 2)}\n`
  if (path.startsWith('rules/')) return inRules(text, installation)
  if (path.startsWith('provisioning/')) return inProvisioning(text, installation)
  return text
}

type Edit = (text: string) => string

function walk(value: unknown, edit: Edit): unknown {
  if (typeof value === 'string') return edit(value)
  if (Array.isArray(value)) return value.map((one) => walk(one, edit))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one, edit)]))
}

function inDashboard({ selector, grafanaUrl }: Installation): Edit {
  return (text) => {
    const moved = replaced(text, COMMITTED.grafanaUrl, grafanaUrl)
    if (selector === undefined) return moved
    const narrowed = replaced(moved, COMMITTED.chosen, `${selector},${COMMITTED.chosen}`)
    return replaced(narrowed, COMMITTED.selector, selector)
  }
}

function inRules(text: string, { selector, grafanaUrl }: Installation): string {
  return replaced(replaced(text, COMMITTED.selector, selector), COMMITTED.grafanaUrl, grafanaUrl)
}

function inProvisioning(text: string, { grafanaUrl, sourceUrl, sourceRoot }: Installation): string {
  // Of Grafana's links variables begin with a `$`, and that is `$$` in its provisioning files.
  const url = sourceUrl?.replaceAll(/\{(path|line|version)\}/g, (_, name) => `$$\{${name}}`)
  const root = sourceRoot
    ?.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)
    .replaceAll('$', () => '$$')
    .replaceAll("'", "''")
  const linked = replaced(text, 'url: /d/', grafanaUrl === undefined ? undefined : `url: ${grafanaUrl}/d/`)
  const sourced = replaced(
    linked,
    `url: ${COMMITTED.sourceUrl}`,
    url === undefined ? undefined : `url: ${inQuotes(url)}`,
  )
  return replaced(sourced, `(?:${COMMITTED.sourceRoot})?`, root === undefined ? undefined : `(?:${root})?`)
}

const inQuotes = (text: string): string => `'${text.replaceAll("'", "''")}'`

const replaced = (text: string, from: string, to: string | undefined): string =>
  to === undefined ? text : text.replaceAll(from, () => to)

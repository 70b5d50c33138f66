// Prints dashboards as text, for a look at them without Grafana: `node dashboards/build/layout.ts [UID...] [--words]`.
// With --words each panel is followed by its description and queries.
import { isPanel, type AnyPanel } from './model.ts'
import { dashboards } from './dashboards.ts'
import { config } from '../config.ts'

const args = process.argv.slice(2)
const wanted = args.filter((arg) => !arg.startsWith('-'))
const COLUMN = 6

for (const dashboard of dashboards(config)) {
  if (wanted.length > 0 && !wanted.includes(String(dashboard.uid))) continue
  print(`\n${dashboard.title} (${dashboard.uid})\n${dashboard.description}`)
  print(`choose: ${(dashboard.templating.list ?? []).map(({ name }) => name).join(', ')}`)
  const panels = dashboard.panels ?? []
  for (const line of linesOf(panels)) {
    const [first] = line
    if (first && !isPanel(first))
      print(`\n== ${first.title} ${'='.repeat(Math.max(0, 24 * COLUMN - (first.title ?? '').length - 4))}`)
    else drawn(line).forEach(print)
    if (args.includes('--words')) line.filter(isPanel).forEach(words)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Panels that begin at the same height, from the left. */
function linesOf(panels: readonly AnyPanel[]): readonly (readonly AnyPanel[])[] {
  return [...Map.groupBy(panels, ({ gridPos }) => gridPos?.y ?? 0).values()]
}

function drawn(panels: readonly AnyPanel[]): readonly string[] {
  const boxes = panels.map((panel) => {
    const width = (panel.gridPos?.w ?? 0) * COLUMN - 2
    const unit = isPanel(panel) ? (panel.fieldConfig?.defaults.unit ?? '') : ''
    const lines = [panel.title ?? '', `${panel.type} ${unit}`.trim()]
    return [`+${'-'.repeat(width)}`, ...lines.map((line) => `|${line.slice(0, width).padEnd(width)}`)]
  })
  return [0, 1, 2].map((at) => boxes.map((box) => box[at]).join(' '))
}

function words(panel: AnyPanel): void {
  if (!isPanel(panel)) return
  print(`\n  ${panel.title}`)
  for (const line of (panel.description ?? '').split('\n').filter(Boolean)) print(`    ${line}`)
  for (const target of (panel.targets ?? []) as readonly { expr?: string; query?: string }[])
    print(`    > ${target.expr ?? target.query}`)
  for (const { title, url } of panel.links ?? []) print(`    -> ${title}: ${url}`)
}

// The picture in README and docs/grafana.md, out of what was recorded: what fails and since when, which alerts say so, because
// of which requests, and one run of them with its trace and its line.
import type { Alert, Cause, Recorded } from './recorded.ts'
import { HUES, line, panel, rect, STYLE, text, type Box } from './svg.ts'
import { trace } from './trace.ts'

const WIDTH = 1200
const GAP = 16
const TOP = 84
const UPPER: Box = { x: GAP, y: TOP, width: 740, height: 300 }
const LOWER_Y = TOP + UPPER.height + GAP

export function draw(recorded: Recorded): string {
  const { causes, trace: spans, deploys } = recorded
  const tall = Math.max(96 + 48 * Math.min(causes.length, MOST_CAUSES), 190 + 30 * spans.length)
  const height = LOWER_Y + tall + GAP
  const tasks = recorded.failures.map(({ task }) => task)
  const minutes = Math.round((recorded.to - recorded.from) / 60)
  const right = { ...UPPER, x: UPPER.x + UPPER.width + GAP, width: WIDTH - UPPER.width - 3 * GAP }
  const left = { x: GAP, y: LOWER_Y, width: 540, height: tall }
  const about = `Drawn from recorded data of the example shop (${recorded.recordedOn}: ${minutes} minutes, ${recorded.runs} runs), by the queries of the dashboards. Not a picture of Grafana.`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-size="13" role="img" aria-labelledby="title about">`,
    `<title id="title">Failures by task, the alerts they raise, their causing routes, and one failed run with its trace</title>`,
    `<desc id="about">${about}</desc>`,
    STYLE,
    rect({ x: 0, y: 0, width: WIDTH, height }, 'ground', 'rx="10"'),
    text(GAP + 4, 36, `${deploys.at(-1)?.version ?? ''} is deployed, and its mail server never answers`, {
      of: 'strong',
      size: 20,
      max: WIDTH - 40,
    }),
    text(GAP + 4, 62, about, { of: 'quiet', max: WIDTH - 40 }),
    bars(UPPER, recorded),
    alerts(right, recorded),
    table(left, causes, tasks),
    trace({ x: left.x + left.width + GAP, y: LOWER_Y, width: WIDTH - left.width - 3 * GAP, height: tall }, recorded),
    '</svg>',
    '',
  ].join('\n')
}

const hueOf = (tasks: readonly string[], task: string): string => `task${Math.max(0, tasks.indexOf(task)) % HUES}`
const clock = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(11, 16)

function bars(box: Box, { failures, from, to, step, deploys }: Recorded): string {
  const tasks = failures.map(({ task }) => task)
  const plot = { x: box.x + 48, y: box.y + 92, width: box.width - 68, height: box.height - 124 }
  const columns = failures[0]?.counts.length ?? 0
  const totals = Array.from({ length: columns }, (_, at) =>
    failures.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0),
  )
  const top = ceiling(Math.max(...totals))
  const scale = plot.height / top
  const slot = plot.width / columns
  const drawn = totals.flatMap((_, at) => {
    let y = plot.y + plot.height
    return failures.flatMap(({ task, counts }) => {
      const height = (counts[at] ?? 0) * scale
      y -= height
      return height < 0.3 ? [] : [rect({ x: plot.x + at * slot, y, width: slot - 2, height }, hueOf(tasks, task))]
    })
  })
  const at = (seconds: number): number => plot.x + ((seconds - from) / (to - from)) * plot.width
  const minutes = Array.from({ length: Math.floor((to - from) / 120) + 1 }, (_, index) => from + index * 120)
  return [
    panel(box, 'What fails, and since when?', `Runs that ended badly, by task, in each ${step} seconds; times in UTC`),
    ...[0, top / 2, top].flatMap((value) => {
      const y = plot.y + plot.height - value * scale
      return [
        line([plot.x, y], [plot.x + plot.width, y], 'rule'),
        text(plot.x - 8, y + 4, String(value), { of: 'quiet', size: 11, anchor: 'end', max: 40 }),
      ]
    }),
    ...minutes.map((seconds) =>
      text(at(seconds), plot.y + plot.height + 18, clock(seconds), {
        of: 'quiet',
        size: 11,
        anchor: 'middle',
        max: 60,
      }),
    ),
    ...drawn,
    ...deploys.map(({ at: seconds }) => line([at(seconds), plot.y - 12], [at(seconds), plot.y + plot.height], 'mark')),
    ...deploys.map(({ at: seconds, version }) =>
      text(at(seconds) + 5, plot.y - 4, `${version} starts`, { of: 'marked', size: 11, max: 90 }),
    ),
    ...legend(box, tasks),
  ].join('\n')
}

/** A round number that is not less. */
function ceiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * unit).find((one) => one >= value) ?? 10 * unit
}

function legend(box: Box, tasks: readonly string[]): readonly string[] {
  let x = box.x + 16
  return tasks.flatMap((task) => {
    const width = 26 + task.length * 6.9
    const drawn = [
      rect({ x, y: box.y + 58, width: 10, height: 10 }, hueOf(tasks, task)),
      text(x + 16, box.y + 67, task, { size: 12, max: width - 16 }),
    ]
    x += width + 8
    return drawn
  })
}

const MOST_ALERTS = 4

function alerts(box: Box, { alerts: all }: Recorded): string {
  const order = ['critical', 'warning', 'info']
  const firing = all
    .filter(({ state }) => state === 'firing')
    .toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity) || a.since - b.since)
  return [
    panel(box, 'Who says so?', `${firing.length} alerts fire, worst first`),
    ...firing.slice(0, MOST_ALERTS).map((alert, at) => alertRow(box, alert, box.y + 72 + at * 56)),
  ].join('\n')
}

function alertRow(box: Box, { name, severity, summary, since }: Alert, y: number): string {
  const wide = box.width - 32
  // What follows the colon says why that is too much; the number comes before it.
  const [first = '', second = ''] = wrapped(summary.split(':')[0] ?? '', Math.floor(wide / 6.5))
  return [
    rect({ x: box.x + 16, y: y - 9, width: 8, height: 8 }, severity === 'critical' ? 'bad' : 'marked', 'rx="4"'),
    text(box.x + 30, y, name, { of: 'strong', size: 12, max: wide - 110 }),
    text(box.x + box.width - 16, y, `${severity}, ${clock(since)}`, { of: 'quiet', size: 11, anchor: 'end', max: 100 }),
    text(box.x + 16, y + 16, first, { size: 11.5, max: wide }),
    text(box.x + 16, y + 31, second, { size: 11.5, max: wide }),
  ].join('\n')
}

function wrapped(words: string, letters: number): readonly string[] {
  if (words.length <= letters) return [words]
  const at = words.lastIndexOf(' ', letters)
  return [words.slice(0, at), words.slice(at + 1)]
}

const MOST_CAUSES = 6

function table(box: Box, causes: readonly Cause[], tasks: readonly string[]): string {
  const columns = [box.x + 16, box.x + 128, box.x + 320, box.x + box.width - 16] as const
  const head = ['Route', 'Task', 'Error', 'Failures'].map((title, at) =>
    text(columns[at] ?? 0, box.y + 72, title, {
      of: 'quiet',
      size: 11,
      ...(at === 3 && { anchor: 'end' as const }),
      max: 110,
    }),
  )
  const shown = causes.slice(0, MOST_CAUSES)
  const most = Math.max(...shown.map(({ failures }) => failures))
  const tall = Math.min(64, (box.height - 96) / shown.length)
  const rows = shown.flatMap(({ route, task, error, failures }, at) => {
    const top = box.y + 82 + at * tall
    const y = top + tall / 2 - 2
    const bar = { x: columns[0], y: y + 10, width: (failures / most) * (box.width - 32), height: 6 }
    return [
      line([box.x + 16, top], [box.x + box.width - 16, top], 'rule'),
      text(columns[0], y, route || 'outside of a request', { of: 'code', size: 12, max: 108 }),
      text(columns[1], y, task, { size: 12.5, max: 185 }),
      text(columns[2], y, error, { of: 'code', size: 12, max: 150 }),
      text(columns[3], y, String(failures), { of: 'strong', anchor: 'end', max: 50 }),
      rect(bar, hueOf(tasks, task), 'rx="3"'),
    ]
  })
  return [
    panel(box, 'Because of which requests?', 'The routes that added them; each answered long before'),
    ...head,
    ...rows,
  ].join('\n')
}

// One failed run: the request that caused it above, its attempts below, and what the log says of the last.
import type { Recorded, TraceSpan } from './recorded.ts'
import { line, panel, rect, text, type Box } from './svg.ts'

const ROW = 30

export function trace(box: Box, { trace: spans, line: said }: Recorded): string {
  const label = box.x + 16
  const plot = { x: box.x + 196, y: box.y + 66, width: box.width - 212, height: spans.length * ROW }
  const total = Math.max(...spans.map(({ endMs }) => endMs))
  const x = (ms: number): number => plot.x + (ms / total) * plot.width
  const attempts = spans.filter(({ isRequest }) => !isRequest).length
  const foot = plot.y + plot.height + 18
  return [
    panel(
      box,
      'Which run, at which line, and for whom?',
      `One trace out of them: the request, and ${attempts} attempts at what it left to be done`,
    ),
    line([plot.x, plot.y], [plot.x, plot.y + plot.height], 'rule'),
    ...spans.flatMap((span, at) => row(span, { y: plot.y + at * ROW, label, x, right: plot.x + plot.width })),
    text(plot.x, foot, '0', { of: 'quiet', size: 11, max: 30 }),
    text(plot.x + plot.width, foot, duration(total), { of: 'quiet', size: 11, anchor: 'end', max: 60 }),
    ...log(box, { y: foot + 22, said }),
  ].join('\n')
}

interface Placed {
  readonly y: number
  readonly label: number
  readonly x: (ms: number) => number
  readonly right: number
}

function row(span: TraceSpan, { y, label, x, right }: Placed): readonly string[] {
  const { name, isRequest, startMs, endMs, outcome } = span
  const width = Math.max(4, x(endMs) - x(startMs))
  const what = isRequest ? `${outcome} after ${duration(endMs)}` : outcome
  const end = x(startMs) + width
  const inside = end + what.length * 7 + 12 > right
  return [
    text(label + (isRequest ? 0 : 14), y + 19, isRequest ? name : `└ ${name}`, {
      of: isRequest ? 'strong' : '',
      size: 12.5,
      max: isRequest ? 170 : 160,
    }),
    rect({ x: x(startMs), y: y + 6, width, height: 18 }, isRequest ? 'good' : 'bad', 'rx="3"'),
    text(inside ? x(startMs) - 8 : end + 8, y + 19, what, {
      of: isRequest ? 'good' : 'bad',
      size: 12,
      ...(inside && { anchor: 'end' as const }),
      max: 160,
    }),
  ]
}

function log(box: Box, { y, said }: { y: number; said: Recorded['line'] }): readonly string[] {
  const rows = [
    ['log', `${said.level} ${said.message}: ${said.error}`],
    ['line', said.location],
    ['request', said.request],
    ['trace', said.traceId],
  ] as const
  return rows.map(
    ([name, value], at) =>
      text(box.x + 16, y + 10 + at * 19, name, { of: 'quiet', size: 12, max: 60 }) +
      text(box.x + 76, y + 10 + at * 19, value, {
        of: name === 'log' ? 'code bad' : 'code',
        size: 12,
        max: box.width - 92,
      }),
  )
}

const duration = (ms: number): string =>
  ms < 1_000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`

// What docs/telemetry.md and telemetry.contract.json say, made from src/telemetry/names.ts and its registry.
import { SCOPE_NAME } from '../../src/telemetry/names.ts'
import { seriesOf } from './prometheus-names.ts'
import { ATTRIBUTES, LOGS, METRICS, SPANS } from '../../src/telemetry/names/registry.ts'
import type { AttributeInfo, Carries } from '../../src/telemetry/names/registry.ts'

/** Files by their path from the root of the project. */
export const telemetryDocs = (): Readonly<Record<string, string>> => ({
  'docs/telemetry.md': document(),
  'telemetry.contract.json': `${JSON.stringify(contract(), undefined, 2)}\n`,
})

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted()
const carried = ({ always, sometimes }: Carries) => ({ always: sorted(always), sometimes: sorted(sometimes) })

/** What others build on: a change of it is seen in review, and is a major version unless it only adds. */
function contract(): object {
  return {
    scope: SCOPE_NAME,
    spans: SPANS.map(({ name, kind, links, events, ...carries }) => ({
      name,
      kind,
      ...carried(carries),
      links,
      events: Object.fromEntries(Object.entries(events).map(([event, one]) => [event, carried(one)])),
    })),
    metrics: METRICS.map(({ name, kind, unit, buckets, ...carries }) => ({
      name,
      kind,
      unit,
      ...(buckets && { buckets }),
      ...carried(carries),
    })),
    logs: LOGS.map(({ event, severity, ...carries }) => ({ event, severity, ...carried(carries) })),
    attributes: Object.fromEntries(
      Object.entries(ATTRIBUTES)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { type, unit, values, origin }]) => [
          name,
          { type, ...(unit && { unit }), ...(values && { values }), ...(origin && { origin }) },
        ]),
    ),
  }
}

function document(): string {
  return [
    '# Telemetry',
    '',
    '<!-- Made by `npm run docs:telemetry` from src/telemetry/names/registry.ts; do not edit. -->',
    '',
    `Everything that leaves the process, by name, under the instrumentation scope \`${SCOPE_NAME}\`. A name that is here changes with a`,
    'major version only; what is not here is never exported. `telemetry.contract.json` says the same for machines, and',
    '[queries.md](queries.md) asks the questions of a person on call.',
    '',
    ...spans(),
    ...metrics(),
    ...logs(),
    ...attributes(),
  ].join('\n')
}

function spans(): readonly string[] {
  return [
    '## Spans',
    '',
    ...SPANS.flatMap(({ name, kind, brief, links, events, ...carries }) => [
      `### \`${name}\``,
      '',
      `${kind}. ${brief}`,
      '',
      `- always: ${list(carries.always)}`,
      ...(carries.sometimes.length > 0 ? [`- when they apply: ${list(carries.sometimes)}`] : []),
      ...(links.length > 0 ? [`- links (\`afterglow.link.type\`): ${list(links)}`] : []),
      ...Object.entries(events).map(([event, { always }]) => `- event \`${event}\`: ${list(always)}`),
      '',
    ]),
  ]
}

function metrics(): readonly string[] {
  const rows = METRICS.map(({ name, kind, unit, description, always, sometimes }) => [
    `\`${name}\``,
    kind,
    `\`${unit}\``,
    code(prometheusOf({ name, kind, unit })),
    [...always.map(code), ...sometimes.map((one) => `(${code(one)})`)].join(' '),
    description,
  ])
  const buckets = METRICS.flatMap(({ name, buckets: bounds }) =>
    bounds ? [`- \`${name}\`: ${bounds.join(', ')}`] : [],
  )
  return [
    '## Metrics',
    '',
    ...table(
      ['name', 'instrument', 'unit', 'in Prometheus', 'attributes (those that may be absent)', 'what it says'],
      rows,
    ),
    '',
    'Bounds of the histograms, in seconds:',
    '',
    ...buckets,
    '',
  ]
}

const prometheusOf = (metric: Parameters<typeof seriesOf>[0]): string =>
  metric.kind === 'histogram'
    ? (seriesOf(metric)[0] ?? '').replace('_bucket', '_{bucket,sum,count}')
    : seriesOf(metric).join()

function logs(): readonly string[] {
  const rows = LOGS.map(({ event, severity, brief }) => [code(event), severity.join(', '), brief])
  return [
    '## Log events',
    '',
    'One line each, through the logger that was given; the name of the event is in `otel.event.name`.',
    '',
    ...table(['event', 'severity', 'when'], rows),
    '',
    ...LOGS.flatMap(({ event, always, sometimes }) => [
      `- \`${event}\`: ${list(always)}${sometimes.length > 0 ? `; when they apply ${list(sometimes)}` : ''}`,
    ]),
    '',
  ]
}

function attributes(): readonly string[] {
  const rows = Object.entries(ATTRIBUTES).map(([name, info]) => [
    code(name),
    info.unit ? `${info.type}, ${info.unit}` : info.type,
    usedOn(name).join(', '),
    info.values ? `${info.brief} One of ${list(info.values)}.` : info.brief,
    example(info),
    info.origin ? `stable, ${info.origin}` : 'stable',
  ])
  return ['## Attributes', '', ...table(['name', 'type', 'on', 'what it says', 'example', 'stability'], rows), '']
}

/** The signals that carry an attribute, derived from what they say they carry. */
export function usedOn(name: string): readonly string[] {
  const has = ({ always, sometimes }: Carries) => always.includes(name) || sometimes.includes(name)
  const onSpans = SPANS.some((span) => has(span) || Object.values(span.events).some(has))
  return [
    ...(onSpans ? ['spans'] : []),
    ...(name === LINK_TYPE ? ['links'] : []),
    ...(METRICS.some(has) ? ['metrics'] : []),
    ...(LOGS.some(has) ? ['logs'] : []),
  ]
}
const LINK_TYPE = 'afterglow.link.type'

const code = (name: string): string => `\`${name}\``
const list = (names: readonly string[]): string => names.map(code).join(', ')
const example = ({ example: one }: AttributeInfo): string => code(JSON.stringify(one))

/** As the formatter of the project would lay it out. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const [first = [], ...rest] = all.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))))
  return [first, line(widths.map((width) => '-'.repeat(width))), ...rest] as readonly string[]
}

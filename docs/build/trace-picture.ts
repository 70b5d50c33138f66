// Draws docs/images/trace.svg from the spans that test/examples/quick-start.ts really emits: `npm run docs:trace`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const PORT = '3987'

interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
}
interface Export {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[]
}

/** The program of the README, asked once, and its spans once the last attempt has failed. */
async function spansOfQuickStart(): Promise<readonly Span[]> {
  const spans: Span[] = []
  const failed = Promise.withResolvers<void>()
  const receiver = createServer((request, response) => {
    void (async () => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      for (const { scopeSpans } of (JSON.parse(body) as Export).resourceSpans ?? [])
        spans.push(...scopeSpans.flatMap((scope) => scope.spans))
      if (spans.some((span) => outcomeOf(span) === 'failed')) failed.resolve()
      response.end('{}')
    })()
  }).listen(0)
  await once(receiver, 'listening')
  const env = {
    ...process.env,
    PORT,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${(receiver.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  }
  const args = ['--conditions=koa-afterglow-source', '--import', 'koa-afterglow/otel', 'test/examples/quick-start.ts']
  const app = spawn(process.execPath, args, { cwd: root, env, stdio: 'ignore' })
  for (let tries = 0; tries < 100; tries++)
    try {
      await fetch(`http://localhost:${PORT}/`)
      break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  await failed.promise
  app.kill()
  receiver.close()
  receiver.closeAllConnections()
  return spans.filter((span) => span.kind === 2 || span.kind === 5)
}

const outcomeOf = (span: Span) => span.attributes.find(({ key }) => key === 'afterglow.task.outcome')?.value.stringValue
const ms = (nano: string) => Number(BigInt(nano) / 1_000n) / 1_000

const WIDTH = 860
const LEFT = 250
const ROW = 34
const TOP = 30

function draw(spans: readonly Span[]): string {
  const rows = spans.toSorted((a, b) => ms(a.startTimeUnixNano) - ms(b.startTimeUnixNano))
  const first = Math.min(...rows.map((span) => ms(span.startTimeUnixNano)))
  const total = Math.max(...rows.map((span) => ms(span.endTimeUnixNano))) - first
  const scale = (WIDTH - LEFT - 20) / total
  const height = TOP + rows.length * ROW + 34
  const text = (x: number, y: number, what: string, style = '') =>
    `<text x="${x.toFixed(1)}" y="${y}" ${style}>${what.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`
  const bars = rows.flatMap((span, row) => {
    const y = TOP + row * ROW
    const start = ms(span.startTimeUnixNano) - first
    const length = ms(span.endTimeUnixNano) - ms(span.startTimeUnixNano)
    const server = span.kind === 2
    const colour = server ? '#3b82f6' : span.status.code === 2 ? '#dc2626' : '#16a34a'
    const x = LEFT + start * scale
    const width = Math.max(4, length * scale)
    const label = server
      ? '200, answered before the task ran'
      : `${outcomeOf(span) ?? ''}: ${span.status.message ?? ''}`
    const inside = x + width + 8 + label.length * 6.3 > WIDTH
    return [
      text(server ? 12 : 28, y + 19, server ? span.name : `└ ${span.name}`, 'font-weight="600"'),
      `<rect x="${x.toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="20" rx="3" fill="${colour}"/>`,
      inside
        ? text(x - 8, y + 19, label, `text-anchor="end" fill="${server ? '#475569' : colour}"`)
        : text(x + width + 8, y + 19, label, `fill="${server ? '#475569' : colour}"`),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12.5" fill="#0f172a">`,
    `<title>One trace: the request, and the two attempts of the task it caused</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#f8fafc" stroke="#e2e8f0"/>`,
    text(12, 20, 'one trace', 'fill="#64748b"'),
    text(LEFT, 20, '0 ms', 'fill="#64748b"'),
    text(WIDTH - 20, 20, `${total.toFixed(0)} ms`, 'fill="#64748b" text-anchor="end"'),
    ...bars,
    text(
      12,
      height - 12,
      'Drawn from the spans that test/examples/quick-start.ts emitted.',
      'fill="#64748b" font-size="11"',
    ),
    '</svg>',
    '',
  ].join('\n')
}

writeFileSync(join(root, 'docs', 'images', 'trace.svg'), draw(await spansOfQuickStart()))

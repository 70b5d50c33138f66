import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

/** The fields of a log line that a person at a terminal wants to see. The names are the library's telemetry contract. */
export interface LogLine {
  readonly time: number
  readonly level: number
  readonly msg?: string
  readonly err?: { readonly type: string; readonly message: string; readonly stack?: string }
  readonly trace_id?: string
  readonly 'afterglow.drain.stage'?: string
  readonly 'afterglow.drain.in_flight'?: number
  readonly 'otel.event.name'?: string
  readonly 'afterglow.task.name'?: string
  readonly 'afterglow.task.outcome'?: string
  readonly 'afterglow.task.attempt'?: number
  readonly 'afterglow.task.run_time'?: number
  readonly 'afterglow.task.wait_time'?: number
  readonly 'afterglow.task.retry.delay'?: number
  readonly 'afterglow.task.reason'?: string
  readonly 'afterglow.request.method'?: string
  readonly 'afterglow.request.route'?: string
  readonly 'exception.type'?: string
  readonly 'exception.message'?: string
  readonly 'exception.stacktrace'?: string
}

type Style = Parameters<typeof styleText>[0]

const MARKS: Readonly<Record<string, readonly [mark: string, style: Style]>> = {
  completed: ['✔', 'green'],
  failed: ['✖', 'red'],
  timed_out: ['✖', 'red'],
  interrupted: ['✖', 'red'],
  dropped: ['✖', 'red'],
  retried: ['↻', 'yellow'],
}

/** `12:03:04.123  ✔ send-welcome-email  completed in 52 ms (waited 2 ms)  POST /register`; empty for nothing to show. */
export function readable(line: LogLine): string {
  const what = said(line)
  if (what === '') return ''
  const [mark, style] = MARKS[line['afterglow.task.outcome'] ?? ''] ?? byLevel(line.level)
  const name = line['afterglow.task.name']
  const parts = [
    ['dim', `${clock(line.time)}  `],
    [style, mark],
    ['bold', name && ` ${name} `],
    [line.level >= 40 ? style : 'reset', ` ${what}`],
    ['dim', cause(line)],
  ] as const
  return parts.map(([look, text]) => (text ? styleText(look, text) : '')).join('')
}

function said(line: LogLine): string {
  if (line['otel.event.name'] === 'afterglow.drain') return draining(line)
  // The end of the drain is told by the report that main.ts writes.
  if (line['otel.event.name'] === 'afterglow.drained') return ''
  const outcome = line['afterglow.task.outcome']
  return [outcome ? ended(line, outcome) : line.msg, problem(line)].filter(Boolean).join(': ')
}

function draining(line: LogLine): string {
  const inFlight = line['afterglow.drain.in_flight'] ?? 0
  const left = inFlight === 1 ? 'the last task' : `the last ${inFlight} tasks`
  return line['afterglow.drain.stage'] === 'waiting'
    ? `finishing ${left}; Ctrl-C again gives up on them`
    : `giving up on ${left}`
}

function byLevel(level: number): readonly [mark: string, style: Style] {
  if (level >= 50) return ['✖', 'red']
  return level >= 40 ? ['▲', 'yellow'] : ['·', 'dim']
}

function ended(line: LogLine, outcome: string): string {
  const attempt = line['afterglow.task.attempt'] ?? 0
  if (outcome === 'retried')
    return `attempt ${attempt} failed, the next in ${duration(line['afterglow.task.retry.delay'])}`
  const words = outcome.replaceAll('_', ' ')
  if (attempt === 0) return words
  const waited = line['afterglow.task.wait_time'] ?? 0
  const aside = [attempt > 1 && `attempt ${attempt}`, waited >= 0.001 && `waited ${duration(waited)}`].filter(Boolean)
  return `${words} in ${duration(line['afterglow.task.run_time'])}${aside.length > 0 ? ` (${aside.join(', ')})` : ''}`
}

/** What went wrong, and the first line of one's own code that it went through. */
function problem(line: LogLine): string {
  const { err } = line
  const reason = line['afterglow.task.reason']
  const type = line['exception.type'] ?? err?.type
  if (reason !== undefined || type === undefined) return reason ?? ''
  const at = ownFrame(line['exception.stacktrace'] ?? err?.stack ?? '')
  return `${type}: ${line['exception.message'] ?? err?.message ?? ''}${at && ` (${at})`}`
}

function ownFrame(stack: string): string {
  const frame = stack.split('\n').find((entry) => /^\s+at /.test(entry) && !/node:|node_modules/.test(entry))
  const place = frame && /(file:\/\/\/.+|\/.+|[A-Z]:\\.+):(\d+):\d+\)?$/.exec(frame)
  if (!place?.[1]) return ''
  const path = place[1].startsWith('file:') ? fileURLToPath(place[1]) : place[1]
  return `${relative(process.cwd(), path)}:${place[2]}`
}

/** The request behind the task; with its trace where there is something to look for. */
function cause(line: LogLine): string {
  const route = [line['afterglow.request.method'], line['afterglow.request.route']].filter(Boolean).join(' ')
  const trace = line.level >= 40 && line.trace_id ? `trace ${line.trace_id}` : ''
  return [route, trace].map((part) => part && `  ${part}`).join('')
}

function clock(time: number): string {
  const date = new Date(time)
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function duration(seconds = 0): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`
}

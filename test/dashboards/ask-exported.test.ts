// The evaluator that stands in for Loki and Tempo finds what they would, and says so of what it does not know.
import { describe, expect, it } from '@jest/globals'
import { askLogs, askSpans, selectedBy } from '../support/ask-exported.ts'
import type { ExportedLog, ExportedSpan } from '../support/otlp-json.ts'

const log = (attributes: ExportedLog['attributes']): ExportedLog => ({
  body: 'task failed',
  eventName: undefined,
  severityNumber: 17,
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  attributes,
  resource: { 'service.name': 'shop' },
})
const span = (attributes: ExportedSpan['attributes'], more: Partial<ExportedSpan> = {}): ExportedSpan => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentSpanId: undefined,
  name: 'a span',
  kind: 5,
  status: { code: 2 },
  attributes,
  links: [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), attributes: {} }],
  resource: { 'service.name': 'shop' },
  ...more,
})

describe('LogQL', () => {
  const lines = [
    log({ 'afterglow.task.name': 'mail', 'afterglow.drain.interrupted': 2 }),
    log({ event_name: 'afterglow.drained' }),
  ]

  it.each([
    ['{service_name="shop"}', [0, 1]],
    ['{service_name="other"}', []],
    ['{service_name=~"sh.*"} | afterglow_task_name="mail"', [0]],
    ['{service_name=~"sh"}', []], // patterns match the whole value
    ['{service_name="shop"} | afterglow_task_name!="mail"', [1]],
    ['{service_name="shop"} | afterglow_task_name=""', [1]],
    ['{service_name="shop"} | event_name=~"afterglow.drained|x" | afterglow_task_name!~"m.*"', [1]],
    ['{service_name="shop"} | afterglow_drain_interrupted > 1', [0]],
    [`{service_name="shop"} | trace_id="${'a'.repeat(32)}" | afterglow_task_name=~".*"`, [0, 1]],
  ])('%s', (query, found) => {
    expect(askLogs(query, lines)).toEqual(found.map((at) => lines[at]))
  })

  it.each([
    '{service_name="shop"} |= "text"',
    '{service_name="shop"} | json',
    '{service_name="shop"} | a="b" or c="d"',
  ])('does not guess what is meant by %s', (query) => {
    expect(() => askLogs(query, lines)).toThrow('cannot be asked here')
  })

  it('does not take what the grammar does not', () => {
    expect(() => askLogs('{service_name="shop"', lines)).toThrow('no logql')
  })
})

describe('TraceQL', () => {
  const spans = [
    span({ 'afterglow.task.name': 'mail', 'afterglow.task.attempt': 2 }, { seconds: 1.5 }),
    span({ 'http.route': '/x' }, { kind: 2, status: {}, links: [] }),
  ]

  it.each([
    ['{ kind = server }', [1]],
    ['{ status = error }', [0]],
    ['{ resource.service.name =~ "sh.*|x" && span.afterglow.task.name != nil }', [0]],
    ['{ span.afterglow.task.name = nil }', [1]],
    ['{ span.afterglow.task.attempt >= 2 } | select(span.afterglow.task.id)', [0]],
    ['{ span.http.route !~ "/x" && status != unset }', [0]],
    [`{ link:traceID = "${'c'.repeat(32)}" }`, [0]],
    ['{ kind = server && 2 > 0 }', [1]],
    ['{ duration > 1s }', [0]],
    ['{ duration > 1600ms }', []],
    ['a'.repeat(32), [0, 1]],
    ['e'.repeat(32), []],
  ])('%s', (query, found) => {
    expect(askSpans(query, spans)).toEqual(found.map((at) => spans[at]))
  })

  it.each([
    '{ kind = server } &>> { status = error }',
    '{ duration > 1h }',
    '{ kind = server || status = error }',
    '{ } | rate()',
  ])('does not guess what is meant by %s', (query) => {
    expect(() => askSpans(query, spans)).toThrow(/cannot be asked|only one spanset/)
  })

  it('knows what a query shows', () => {
    expect(selectedBy('{ } | select(span.a.b, span.c)')).toEqual(['a.b', 'c'])
    expect(selectedBy('{ }')).toEqual([])
  })
})

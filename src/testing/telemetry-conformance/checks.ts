// What the law is, case by case; `assert` throws say what was found instead.
import assert from 'node:assert/strict'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import * as names from '../../telemetry/names.ts'
import type { Bench, ExportedSpan } from './bench.ts'
import { checkAdded, checkCounts, checkLedger } from './counts.ts'
import { FAILED, MailboxFullError, secretive, type OutcomeCase } from './outcomes.ts'
import { checkRegistry } from './registry-check.ts'

export async function leavesWhatItShould(bench: Bench, judging: OutcomeCase): Promise<void> {
  const { spans } = judging
  await bench.begin()
  const [judged] = await judging.run(bench)
  assert.ok(judged)
  await bench.ended(judged)
  await bench.idle()
  const isStored = bench.subject.durable === true && !(judging.durable && judging.durable.isStored === false)
  const lines = (bench.subject.durable && judging.durable && judging.durable.lines) || judging.lines
  checkWritten(bench, judged.id, isStored ? [...lines, HANDED_OVER] : lines)
  await checkRegistry(bench)
  if (!bench.hasSdk) return
  const own = bench.spans().filter(({ attributes }) => attributes[names.TASK_ID] === judged.id)
  const runs = own.filter(({ kind }) => kind === SpanKind.CONSUMER)
  assert.deepEqual(
    runs.map(shapeOf),
    spans.map(([attempt, outcome, type]) => shape(attempt, outcome, type)),
  )
  checkLinks(runs)
  checkSent(own, isStored)
  checkLines(runs, bench)
  await checkCounts(bench, spans, isStored)
}

const HANDED_OVER = ['info', names.LOG_EVENTS.handed_over] as const

/** In this order, but for the hand-over, of which a store may tell when the task has run. That a busy machine blocks is no news. */
function checkWritten({ lines }: Bench, id: string, expected: OutcomeCase['lines']): void {
  const last = ([, event]: readonly [unknown, unknown]) => event === HANDED_OVER[1]
  const written = lines
    .filter(({ fields }) => fields[names.TASK_ID] === id && fields[names.EVENT_NAME] !== names.LOG_EVENTS.blocked)
    .map(({ level, fields }) => [level, fields[names.EVENT_NAME]] as const)
    .toSorted((a, b) => Number(last(a)) - Number(last(b)))
  assert.deepEqual(written, expected)
}

/** One PRODUCER span of what was stored, to which each of its runs leads. */
function checkSent(spans: readonly ExportedSpan[], isStored: boolean): void {
  const sends = spans.filter(({ kind }) => kind === SpanKind.PRODUCER)
  assert.equal(sends.length, isStored ? 1 : 0, 'spans of sending')
  const [send] = sends
  if (!send) return
  for (const { kind, links } of spans)
    if (kind === SpanKind.CONSUMER)
      assert.ok(
        links.some(({ context }) => context.spanId === send.spanContext().spanId),
        'each run links how it was sent',
      )
}

const shape = (attempt: number, outcome: string, errorType: string | undefined) => ({
  attempt,
  outcome,
  errorType,
  status: FAILED.includes(outcome) ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
})
const shapeOf = ({ attributes, status }: ExportedSpan) => ({
  attempt: attributes[names.TASK_ATTEMPT],
  outcome: attributes[names.TASK_OUTCOME],
  errorType: attributes[names.ERROR_TYPE],
  status: status.code,
})

/** Attempts are siblings; each leads to the one before it. */
function checkLinks(spans: readonly ExportedSpan[]): void {
  const previous = spans.map(({ links }) =>
    links.some(({ attributes }) => attributes?.[names.LINK_TYPE] === 'previous_attempt'),
  )
  assert.deepEqual(
    previous,
    spans.map((_span, index) => index > 0),
    'each attempt links the previous one',
  )
}

/** Each span has its line, with its ids and the same `error.type`. */
function checkLines(spans: readonly ExportedSpan[], { lines }: Bench): void {
  for (const span of spans) {
    const { attributes } = span
    const { traceId, spanId } = span.spanContext()
    const type = attributes[names.ERROR_TYPE]
    const line = lines.find(
      ({ fields }) =>
        fields[names.TASK_ID] === attributes[names.TASK_ID] &&
        fields[names.TASK_ATTEMPT] === attributes[names.TASK_ATTEMPT] &&
        fields[names.TASK_OUTCOME] === attributes[names.TASK_OUTCOME],
    )
    assert.ok(line, `span '${span.name}' has its line`)
    assert.deepEqual([line.fields[names.TRACE_ID], line.fields[names.SPAN_ID]], [traceId, spanId], 'ids of the span')
    const logged = line.fields[names.ERROR_TYPE]
    if (type !== undefined && logged !== undefined) assert.equal(logged, type, 'error.type of span and log')
  }
}

export async function balancesOnTheWay(bench: Bench): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  bench.tasks.add('runs', () => (started.resolve(), promise))
  bench.tasks.add('delayed', () => 1, { delayMs: 3_600_000 }).cancel()
  bench.tasks.add('waits', () => 1, { delayMs: 3_600_000 })
  await checkLedger(bench)
  await started.promise
  await checkLedger(bench)
  resolve()
  await checkLedger(bench)
}

export async function bornAtZero(bench: Bench): Promise<void> {
  bench.tasks.add('judged', () => 1)
  await bench.idle()
  const metrics = await bench.metrics()
  const outcomes = metrics
    .filter(({ descriptor }) => descriptor.name === names.SETTLED.name)
    .flatMap(({ dataPoints }) => dataPoints)
    .filter(({ attributes }) => attributes[names.TASK_NAME] === 'judged')
  assert.equal(outcomes.length, 9, 'a series per outcome, also of those that never happened')
}

export async function rejects(bench: Bench): Promise<void> {
  await bench.begin()
  await bench.tasks.close({ deadlineMs: 20 })
  assert.throws(() => bench.tasks.add('judged', () => 1))
  assert.deepEqual(
    bench.spans().filter(({ attributes }) => attributes[names.TASK_NAME] === 'judged'),
    [],
  )
  const line = bench.lines.find(({ fields }) => fields[names.EVENT_NAME] === names.LOG_EVENTS.rejected)
  assert.equal(line?.level, 'warn')
  await checkAdded(bench, { metric: names.SUBMISSIONS.name, by: names.SUBMISSION_RESULT }, { rejected: 1 })
  await checkRegistry(bench)
}

export async function blocks(bench: Bench): Promise<void> {
  await bench.begin()
  bench.tasks.add('judged', () => {
    const until = performance.now() + 50
    while (performance.now() < until);
  })
  await bench.idle()
  const line = bench.lines.find(({ fields }) => fields[names.EVENT_NAME] === names.LOG_EVENTS.blocked)
  assert.equal(line?.fields[names.TASK_NAME], 'judged')
  await checkAdded(bench, { metric: names.BLOCKING_DURATION.name, by: names.TASK_NAME }, { judged: 1 })
  await checkRegistry(bench)
}

export async function reportsItsOwnFailures(bench: Bench): Promise<void> {
  await bench.begin()
  bench.tasks.observe({
    name: 'broken',
    settled: () => {
      throw new MailboxFullError('in an observer')
    },
  })
  await bench.ended(bench.add(() => 1))
  await bench.idle()
  // A durable one ends where it was added and where it ran.
  const ends = bench.subject.durable ? 2 : 1
  const line = bench.lines.find(({ fields }) => fields[names.EVENT_NAME] === names.LOG_EVENTS.failure_of_our_own)
  assert.equal(line?.fields[names.ERROR_TYPE], 'MailboxFullError')
  await checkAdded(bench, { metric: names.RUNNER_ERRORS.name, by: names.COMPONENT }, { observer: ends })
  await checkRegistry(bench)
}

export async function drains(bench: Bench): Promise<void> {
  await bench.begin()
  await bench.tasks.close({ deadlineMs: 20 })
  assert.ok(bench.lines.some(({ fields }) => fields[names.EVENT_NAME] === names.LOG_EVENTS.drained))
  await checkAdded(bench, { metric: names.DRAIN_DURATION.name }, { all: 1 })
  await checkRegistry(bench)
}

export async function keepsSecrets(bench: Bench): Promise<void> {
  const password = 'correct horse battery staple'
  await bench.ended(bench.tasks.add(secretive, { password }))
  await bench.idle()
  const seen = bench
    .allSpans()
    .map(({ name, attributes, links, events, status }) => ({ name, attributes, links, events, status }))
  const all = JSON.stringify([seen, await bench.metrics(), bench.lines])
  assert.ok(all.includes('judged'), 'there is something to look at')
  assert.ok(!all.includes(password), 'inputs and results are never exported')
}

export async function belongsToItsRequest(bench: Bench): Promise<void> {
  await bench.begin()
  let id = ''
  let ended: Promise<unknown> | undefined
  await bench.subject.serve?.(bench.tasks, (add) => {
    const handle = bench.add(() => 1, {}, add)
    id = handle.id
    ended = bench.ended(handle)
  })
  await ended
  await bench.idle()
  const server = bench.allSpans().find(({ attributes }) => attributes[names.SUBMITTED_COUNT] === 1)
  assert.ok(server, 'the SERVER span says what its request added')
  assert.deepEqual(server.attributes[names.SUBMITTED_IDS], [id])
  assert.deepEqual(server.attributes[names.SUBMITTED_NAMES], ['judged'])
  const run = bench.spans().find(({ kind }) => kind === SpanKind.CONSUMER)
  assert.equal(run?.attributes[names.REQUEST_METHOD], 'GET')
  assert.equal(typeof run?.attributes[names.REQUEST_TRACE_ID], 'string')
  const line = bench.lines.find(({ fields }) => fields[names.TASK_ID] === id)
  for (const name of [names.REQUEST_TRACE_ID, names.REQUEST_SPAN_ID, names.REQUEST_METHOD])
    assert.equal(line?.fields[name], run?.attributes[name], `${name} of span and log`)
  // A durable one does not wait for the response.
  await checkAdded(bench, { metric: names.RESPONSE_GAP.name }, bench.subject.durable ? {} : { all: 1 })
  await checkRegistry(bench)
}

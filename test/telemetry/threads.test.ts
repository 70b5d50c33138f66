import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
} from '@opentelemetry/api'
import { describe, expect, test } from '@jest/globals'
import { carry, contextFrom } from '../../src/telemetry/thread-carrier.ts'
import { SHIP, ShippingTracerProvider } from '../../src/telemetry/thread-spans.ts'
import { threadTelemetry } from '../../src/telemetry/threads.ts'
import { SDK_NAMES, SDKS } from '../support/telemetry.ts'

const ATTEMPT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }

/** As on a thread, whose spans cross by structured clone. */
function aThread(traceFlags = 1) {
  const shipped: unknown[] = []
  const ship = (span: unknown) => void shipped.push(structuredClone(span))
  const active = trace.setSpanContext(ROOT_CONTEXT, { ...ATTEMPT, traceFlags }).setValue(SHIP, ship)
  return { shipped, active, tracer: new ShippingTracerProvider().getTracer('of the thread', '1.2.3') }
}

describe('context on a thread', () => {
  test('is the span and the baggage of the attempt, by value', () => {
    const baggage = propagation.createBaggage({ tenant: { value: 'acme' } })
    const active = propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, ATTEMPT), baggage)
    const there = contextFrom(structuredClone(carry(active)) ?? { span: undefined, baggage: [] })
    expect(trace.getSpanContext(there)).toEqual(ATTEMPT)
    expect(propagation.getBaggage(there)?.getAllEntries()).toEqual([['tenant', { value: 'acme' }]])
  })

  test('is nothing where there is none, so that a thread loads no telemetry for it', () => {
    expect(carry(ROOT_CONTEXT)).toBeUndefined()
  })
})

describe.each(SDK_NAMES)('a span made on a thread, with %s', (name) => {
  test('is exported with its ids, parent, times and all that was put on it', async () => {
    await using sdk = SDKS[name]()
    const { shipped, active, tracer } = aThread()
    const link = { context: { ...ATTEMPT, spanId: '00f067aa0ba902b7' }, attributes: { why: 'x' } }
    const outer = tracer.startSpan('outer', { kind: SpanKind.CLIENT, attributes: { a: 1 }, links: [link] }, active)
    const inner = tracer.startSpan('first name', { startTime: 1_900_000_000_000 }, trace.setSpan(active, outer))
    inner.addEvent('happened', { n: 1 }, 1_900_000_000_500)
    inner.setAttribute('b', [1, 2]).setStatus({ code: SpanStatusCode.ERROR, message: 'bad' }).updateName('inner')
    inner.end(1_900_000_001_000)
    inner.setAttribute('late', true).end()
    outer.end()
    for (const one of shipped) threadTelemetry.received(one)

    const [first, second] = sdk.spans()
    expect(sdk.spans()).toHaveLength(2)
    expect(first).toMatchObject({
      name: 'inner',
      attributes: { b: [1, 2] },
      startTime: [1_900_000_000, 0],
      endTime: [1_900_000_001, 0],
      status: { code: SpanStatusCode.ERROR, message: 'bad' },
      parentSpanContext: outer.spanContext(),
      events: [{ name: 'happened', attributes: { n: 1 } }],
    })
    expect(first?.spanContext()).toMatchObject(inner.spanContext())
    expect(second).toMatchObject({ name: 'outer', kind: SpanKind.CLIENT, parentSpanContext: ATTEMPT, links: [link] })
    expect(second?.spanContext()).toMatchObject(outer.spanContext())
  })

  test('may be the root of a trace of its own', async () => {
    await using sdk = SDKS[name]()
    const { shipped, active, tracer } = aThread()
    // As on a thread, where the job's context is the active one.
    const root = context.with(active, () => tracer.startSpan('root', { root: true }))
    root.end()
    for (const one of shipped) threadTelemetry.received(one)
    expect(root.spanContext().traceId).not.toBe(ATTEMPT.traceId)
    expect(sdk.spans()[0]?.spanContext()).toMatchObject(root.spanContext())
    expect(sdk.spans()[0]?.parentSpanContext).toBeUndefined()
  })

  test('is active in what it was made for', async () => {
    await using _sdk = SDKS[name]()
    const { active, tracer } = aThread()
    const ids = tracer.startActiveSpan('a', {}, active, (span) => [span, trace.getActiveSpan()])
    expect(ids[1]).toBe(ids[0])
  })
})

test('what is no attribute does not cross, and does not fail the code that gave it', () => {
  const { shipped, active, tracer } = aThread()
  const odd = { f: () => 1, s: Symbol('x'), o: {}, n: 1, list: ['a', 'b'], mixed: [() => 1] } as unknown as Attributes
  const span = tracer.startSpan('odd', { attributes: odd, links: [{ context: ATTEMPT, attributes: odd }] }, active)
  span.addEvent('event', odd)
  span.end()
  const [one] = structuredClone(shipped) as { attributes: unknown; links: unknown; events: unknown }[]
  const kept = { n: 1, list: ['a', 'b'] }
  expect(one).toMatchObject({ links: [{ attributes: kept }], events: [{ attributes: kept }] })
  expect(one?.attributes).toEqual(kept)
})

test('a span on a thread whose attempt is not sampled is shipped nowhere, and only passes the trace on', () => {
  const { shipped, active, tracer } = aThread(0)
  const span = tracer.startSpan('a', {}, active)
  span.end()
  expect(shipped).toEqual([])
  expect(span.isRecording()).toBe(false)
  expect(span.spanContext()).toMatchObject({ traceId: ATTEMPT.traceId, traceFlags: 0 })
})

// An application whose collector is away, hangs or is slow. No collector is needed for that; the figures are in
// `npm run bench:collector`.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { Receiver } from '../support/otel-receiver.ts'
import type { Answer } from '../support/otel-receiver.ts'
import { ObservedApp } from '../support/observed-app.ts'

jest.setTimeout(30_000)

const NOBODY = 'http://127.0.0.1:9'
const QUEUE = 100
const REQUESTS = 400

describe.each<[string, Answer | 'absent']>([
  ['hangs', 'silence'],
  ['is absent', 'absent'],
  ['is slow', 'slow'],
  ['refuses', 'unavailable'],
])('while the collector of traces and logs %s', (_how, answer) => {
  let bad: Receiver
  let good: Receiver
  let app: ObservedApp

  beforeEach(async () => {
    bad = await new Receiver().listen()
    good = await new Receiver().listen()
    if (answer !== 'absent') bad.answer = answer
    const endpoint = answer === 'absent' ? NOBODY : bad.endpoint
    app = await ObservedApp.start(endpoint, {
      env: {
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${good.endpoint}/v1/metrics`,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_NODE_EXPERIMENTAL_SDK_METRICS: 'true',
        OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE),
        OTEL_BLRP_MAX_QUEUE_SIZE: String(QUEUE),
      },
    })
  })
  afterEach(async () => {
    await app[Symbol.asyncDispose]()
    await Promise.all([bad[Symbol.asyncDispose](), good[Symbol.asyncDispose]()])
  })

  const points = (metric: string) => good.points.filter((point) => point.metric === metric)

  it('every request is answered, every task ends, the queues stay within their limit, and drops are counted', async () => {
    for (let sent = 0; sent < REQUESTS; sent += 20)
      await Promise.all(Array.from({ length: 20 }, async () => expect(await app.get('/ok')).toBe('ok')))
    await good.until(() => points('afterglow.task.settled').find(({ value }) => value === REQUESTS))
    const dropped = await good.until(() =>
      points('otel.sdk.processor.span.processed').find(
        ({ attributes, value = 0 }) => attributes['error.type'] === 'queue_full' && value > 0,
      ),
    )
    expect(dropped.value).toBeLessThanOrEqual(4 * REQUESTS)
    for (const metric of ['otel.sdk.processor.span.queue.size', 'otel.sdk.processor.log.queue.size']) {
      expect(points(metric).length).toBeGreaterThan(0)
      for (const { value } of points(metric)) expect(value).toBeLessThanOrEqual(QUEUE)
    }
    expect((await app.stop()).code).toBe(0)
  })
})

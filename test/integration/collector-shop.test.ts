// The example shop and a careless application, run as they are, through the shipped collector: what left it.
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import * as names from '../../src/telemetry/names.ts'
import { BUILD_MS, startCollector, suiteWith } from '../support/collector.ts'
import type { Collector } from '../support/collector.ts'
import { ObservedApp } from '../support/observed-app.ts'
import type { ExportedLog, ExportedSpan } from '../support/otlp-json.ts'

jest.setTimeout(30_000)
const suite = suiteWith(['collector'], import.meta.filename)
const [SERVER, CONSUMER, ERROR] = [2, 5, 2]

suite('what left the collector', () => {
  let collector: Collector

  beforeAll(async () => {
    collector = await startCollector()
  }, BUILD_MS)
  afterAll(async () => {
    await collector?.[Symbol.asyncDispose]()
  })

  describe('of the shop', () => {
    let spans: readonly ExportedSpan[]
    let logs: readonly ExportedLog[]

    beforeAll(async () => {
      await using shop = await ObservedApp.start(collector.endpoint, { app: 'examples/shop/main.ts' })
      await shop.post('/register', { username: 'ada', email: 'ada@example.com' })
      await shop.post('/order', { orderId: 7 })
      await shop.get('/failing-task')
      await shop.says(/"task failed"/)
      await shop.stop()
      await collector.until(async () => {
        spans = await collector.traces()
        logs = await collector.logs()
        return tasks().length === 3 && logs.some(({ body }) => body === 'drained') ? true : undefined
      })
    }, BUILD_MS)

    const tasks = () => spans.filter(({ kind, resource }) => kind === CONSUMER && resource['service.name'] === 'shop')
    const task = (name: string): ExportedSpan => {
      const found = tasks().find(({ attributes }) => attributes[names.TASK_NAME] === name)
      if (!found) throw new Error(`no span of ${name} among ${spans.map((span) => span.name).join(', ')}`)
      return found
    }
    const request = (route: string): ExportedSpan => {
      const found = spans.find(({ kind, attributes }) => kind === SERVER && attributes['http.route'] === route)
      if (!found) throw new Error(`no request of ${route} among ${spans.map((span) => span.name).join(', ')}`)
      return found
    }

    it.each([
      ['/register', 'send-welcome-email'],
      ['/order', 'send-order-confirmation'],
      ['/failing-task', 'update-search-index'],
    ])('the request %s names its task %s, and the task its request', (route, name) => {
      const [server, run] = [request(route), task(name)]
      expect(server.attributes).toMatchObject({
        [names.SUBMITTED_COUNT]: 1,
        [names.SUBMITTED_NAMES]: [name],
        [names.SUBMITTED_IDS]: [run.attributes[names.TASK_ID]],
      })
      expect(run).toMatchObject({ name: names.runSpanName(name), traceId: server.traceId, parentSpanId: server.spanId })
      expect(run.attributes).toMatchObject({
        [names.REQUEST_TRACE_ID]: server.traceId,
        [names.REQUEST_SPAN_ID]: server.spanId,
        [names.REQUEST_ROUTE]: route,
        [names.REQUEST_STATUS_CODE]: 200,
      })
    })

    it('a failed task is an error on its span, and the request it came from is none', () => {
      expect(task('update-search-index')).toMatchObject({
        status: { code: ERROR, message: "could not index 'lamp'" },
        attributes: { [names.TASK_OUTCOME]: 'failed', [names.ERROR_TYPE]: 'SearchIndexError' },
      })
      expect(request('/failing-task').status.code ?? 0).not.toBe(ERROR)
    })

    it('each task has a line in the span of its attempt, with the event name', () => {
      for (const run of tasks()) {
        const event = run.status.code === ERROR ? names.LOG_EVENTS.exception : names.LOG_EVENTS.completed
        const line = logs.find(({ eventName, spanId }) => eventName === event && spanId === run.spanId)
        expect(line).toMatchObject({
          traceId: run.traceId,
          attributes: { event_name: event, [names.TASK_ID]: run.attributes[names.TASK_ID] },
        })
      }
    })

    it('metrics say the same as the spans', async () => {
      const points = await collector.metrics()
      const settled = points.filter(({ metric, value }) => metric === names.SETTLED.name && value === 1)
      const seen = new Set(
        settled.map(
          ({ attributes }) => `${String(attributes[names.TASK_NAME])} ${String(attributes[names.TASK_OUTCOME])}`,
        ),
      )
      expect([...seen].toSorted()).toEqual([
        'send-order-confirmation completed',
        'send-welcome-email completed',
        'update-search-index failed',
      ])
      const durations = points.filter(({ metric, count }) => metric === names.RUN_DURATION.name && count === 1)
      expect(new Set(durations.map(({ attributes }) => attributes[names.TASK_NAME])).size).toBe(3)
    })
  })

  it('holds none of the secrets that a careless application put on spans, events, log lines and errors', async () => {
    await using app = await ObservedApp.start(collector.endpoint)
    await app.get('/careless')
    await app.says(/"task failed"/)
    await app.stop()
    const careless = await collector.until(async () =>
      (await collector.traces()).find(({ attributes }) => attributes[names.TASK_NAME] === 'careless'),
    )
    await collector.until(async () => (await collector.logs()).find(({ body }) => String(body).includes('calling')))
    const everything = await collector.everything()
    expect(everything).toContain('neighbour.example')
    expect(everything.match(/.{0,80}(planted-|cGxhbnRlZC).{0,20}/g) ?? []).toEqual([])
    // What says where it went wrong is still there.
    expect(careless.attributes['url.full']).toMatch(/^https:.*neighbour\.example\/hook\?.*page=2$/)
    expect(careless.status.message).toMatch(/^401 from .*neighbour\.example/)
  })
})

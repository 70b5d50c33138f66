// The tail-sampling overlay on the real collector, with a baseline of 0 %: what is kept, it keeps by rule. The application
// is the same under each SDK, and so is what is kept of it.
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import * as names from '../../src/telemetry/names.ts'
import { BUILD_MS, startCollector, suiteWith, tailSampling } from '../support/collector.ts'
import type { Collector } from '../support/collector.ts'
import { ObservedApp } from '../support/observed-app.ts'
import { Receiver } from '../support/otel-receiver.ts'
import type { ExportedSpan } from '../support/otlp-json.ts'

jest.setTimeout(30_000)
const suite = suiteWith(['collector'], import.meta.filename)

const [SERVER, CONSUMER, ERROR] = [2, 5, 2]
const baseline = { OTELCOL_SAMPLING_PERCENTAGE: '0', OTELCOL_DECISION_WAIT: '2s', OTELCOL_SLOW_TASK: '140ms' }

const bootstraps = [
  { sdk: 'SDK 3', bootstrap: 'koa-afterglow/otel', exports: ['spans', 'metrics', 'logs'] },
  { sdk: 'SDK 2', bootstrap: './test/support/bootstrap-sdk2.ts', exports: ['spans', 'metrics'] },
  { sdk: 'Sentry 10', bootstrap: './test/support/bootstrap-sentry10.ts', exports: ['spans'] },
] as const

suite('tail sampling at 0 %', () =>
  describe.each(bootstraps)('under $sdk', ({ bootstrap, exports: signals }) => {
    let collector: Collector
    let app: ObservedApp

    beforeAll(async () => {
      collector = await startCollector({ overlays: [tailSampling], env: baseline })
      app = await ObservedApp.start(collector.endpoint, { bootstrap })
      for (const path of ['/ok', '/ok', '/ok-linked', '/fails', '/fails-linked', '/rejected', '/swallowed', '/blocks'])
        await app.get(path)
      await app.get('/fails?afterMs=4000')
      await app.get('/retried')
      // The last of the failures comes long after its request was decided on.
      await collector.until(async () => ((await taskSpans('fails')).length === 3 ? true : undefined), 20_000)
      // Span metrics are flushed at intervals, and not when the collector stops.
      await collector.until(async () => ((await counted('fails')) === 3 ? true : undefined))
      await app.stop()
      await collector.stop()
    }, BUILD_MS)

    afterAll(async () => {
      await app?.[Symbol.asyncDispose]()
      await collector?.[Symbol.asyncDispose]()
    })

    const taskSpans = async (task: string): Promise<ExportedSpan[]> => {
      const spans = await collector.traces()
      return spans.filter(({ kind, attributes }) => kind === CONSUMER && attributes[names.TASK_NAME] === task)
    }
    /** The span of the request, by what the span of its task says of it. */
    const requestOf = async (task: ExportedSpan): Promise<ExportedSpan | undefined> => {
      const spans = await collector.traces()
      return spans.find(
        ({ kind, spanId, traceId }) =>
          kind === SERVER &&
          spanId === task.attributes[names.REQUEST_SPAN_ID] &&
          traceId === task.attributes[names.REQUEST_TRACE_ID],
      )
    }
    const servers = async (route: string): Promise<ExportedSpan[]> =>
      (await collector.traces()).filter(({ kind, attributes }) => kind === SERVER && attributes['url.path'] === route)

    const counted = async (task: string): Promise<number> => {
      const calls = (await collector.metrics()).filter(({ metric }) => metric === 'afterglow.task.span.calls')
      const own = calls.filter(({ attributes }) => attributes[names.TASK_NAME] === task)
      return Math.max(0, ...own.map(({ value = 0 }) => value))
    }

    it('a request whose task went well is dropped, and so is the task', async () => {
      expect(await servers('/ok')).toEqual([])
      expect(await taskSpans('ok')).toEqual([])
    })

    it('a failed task is kept with the request that caused it, as its child', async () => {
      const [task] = (await taskSpans('fails')).filter((span) => span.attributes[names.TRACE_RELATION] === 'child')
      expect(task).toMatchObject({ status: { code: ERROR }, attributes: { [names.TASK_OUTCOME]: 'failed' } })
      const request = await requestOf(task as ExportedSpan)
      expect(request).toMatchObject({
        traceId: task?.traceId,
        spanId: task?.parentSpanId,
        attributes: { 'url.path': '/fails' },
      })
      expect(request?.attributes[names.SUBMITTED_IDS]).toEqual([task?.attributes[names.TASK_ID]])
    })

    it('a failed task in a trace of its own is kept, and so is the request it links to', async () => {
      const [task] = (await taskSpans('fails')).filter((span) => span.attributes[names.TRACE_RELATION] === 'link')
      const request = await requestOf(task as ExportedSpan)
      expect(request).toMatchObject({ attributes: { 'url.path': '/fails-linked', [names.DEFERRED]: true } })
      expect(request?.traceId).not.toBe(task?.traceId)
      expect(task?.links).toMatchObject([
        { traceId: request?.traceId, spanId: request?.spanId, attributes: { [names.LINK_TYPE]: 'request' } },
      ])
      expect(request?.attributes[names.SUBMITTED_IDS]).toEqual([task?.attributes[names.TASK_ID]])
    })

    it('a request whose linked task went well is kept all the same: nobody could know', async () => {
      expect(await servers('/ok-linked')).toHaveLength(1)
    })

    it('a failure that comes after its request was dropped is kept, and says which request that was', async () => {
      const withRequest = await Promise.all(
        (await taskSpans('fails')).map(async (span) => ({ span, request: await requestOf(span) })),
      )
      const alone = withRequest.filter(({ request }) => request === undefined)
      expect(alone).toHaveLength(1)
      const task = alone[0]?.span
      expect(task?.attributes).toMatchObject({ [names.REQUEST_ROUTE]: '/fails', [names.REQUEST_STATUS_CODE]: 200 })
    })

    it.each([
      ['was rejected', '/rejected'],
      ['had its error swallowed', '/swallowed'],
      ['failed once and was retried', '/retried'],
    ])('a request is kept whose task %s', async (_what, route) => {
      expect(await servers(route)).toHaveLength(1)
    })

    it('a task that ran for long is kept', async () => {
      expect(await taskSpans('blocks')).toMatchObject([
        { status: {}, attributes: { [names.TASK_OUTCOME]: 'completed' } },
      ])
    })

    it('counts every task, kept or not', async () => {
      expect({ ok: await counted('ok'), fails: await counted('fails') }).toEqual({ ok: 3, fails: 3 })
    })

    it('gives exemplars of kept traces only, and of each that failed', async () => {
      const kept = new Set((await collector.traces()).map(({ traceId }) => traceId))
      const exemplars = (await collector.metrics()).flatMap((point) => point.exemplars)
      expect(exemplars.filter(({ traceId }) => !kept.has(traceId))).toEqual([])
      const failed = (await taskSpans('fails')).map(({ traceId }) => traceId)
      expect(exemplars.map(({ traceId }) => traceId)).toEqual(expect.arrayContaining(failed))
    })

    it('samples no metrics and no logs: each failure is counted, and has its line', async () => {
      const settled = (await collector.metrics()).filter(({ metric }) => metric === names.SETTLED.name)
      const failed = settled.filter(({ attributes }) => attributes[names.TASK_OUTCOME] === 'failed')
      expect(failed.some(({ value }) => value === 3)).toBe((signals as readonly string[]).includes('metrics'))
      const lines = (await collector.logs()).filter(({ eventName }) => eventName === names.LOG_EVENTS.exception)
      // Three of `fails`, one of `retried`.
      expect(lines).toHaveLength((signals as readonly string[]).includes('logs') ? 4 : 0)
    })
  }),
)

describe('without an SDK', () => {
  it('the same application answers and runs its tasks, and sends nothing', async () => {
    await using receiver = await new Receiver().listen()
    await using app = await ObservedApp.start(receiver.endpoint, { bootstrap: undefined })
    for (const path of ['/ok', '/fails', '/fails-linked', '/rejected', '/swallowed', '/blocks']) await app.get(path)
    await app.get('/retried')
    const { code, stdout } = await app.stop()
    expect({ code, requests: receiver.requests }).toEqual({ code: 0, requests: 0 })
    expect(stdout.match(/"task failed"/g)).toHaveLength(2)
  })
})

import { describe, expect, test } from '@jest/globals'
import { trace } from '@opentelemetry/api'
import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import { takeOver } from 'koa-afterglow/testing'
import type pino from 'pino'
import request from 'supertest'
import { renderCatalogue } from '../../examples/shop/tasks.ts'
import { forgetMetrics, remembering, SDK_NAMES, SDKS } from '../support/telemetry.ts'

const mail = defineTask({
  name: 'send-mail',
  retry: { attempts: 2, baseDelayMs: 1_000 },
  run: ({ to }: { to: string }, { log, attempt }) => {
    log.info({ to }, 'sending')
    if (to === 'nobody' || attempt === 1) throw new TypeError(`no ${to}`)
  },
})

function appOf(logger: pino.Logger | false = false) {
  const tasks = createTasks({ logger, register: [mail] })
  const app = new Koa().use(tasks.middleware())
  app.use((ctx) => {
    ctx.tasks.add(mail, { to: ctx.path.slice(1) })
    ctx.body = 'done'
  })
  return { tasks, app: app.callback() }
}

describe('telemetry captured without an SDK', () => {
  test('spans: one for each attempt, found by task, outcome and request', async () => {
    const { tasks, app } = appOf()
    using kit = takeOver(tasks)
    const ada = await request(app).get('/ada')
    const nobody = await request(app).get('/nobody')
    await kit.drain()
    expect(kit.telemetry.spans({ task: mail })).toHaveLength(4)
    expect(kit.telemetry.spans({ task: 'send-mail', outcome: 'retried' })).toHaveLength(2)
    expect(kit.telemetry.span({ request: ada, outcome: 'completed' })).toMatchObject({
      name: 'run send-mail',
      ended: true,
      status: { code: 0 },
      attributes: { 'afterglow.task.attempt': 2, 'afterglow.request.status_code': 200 },
    })
    expect(kit.telemetry.span({ request: nobody, outcome: 'failed' })).toMatchObject({
      status: { code: 2, message: 'no nobody' },
      attributes: { 'error.type': 'TypeError' },
    })
    const [first, second] = kit.telemetry.spans({ request: nobody })
    expect(second?.links).toMatchObject([{ context: { spanId: first?.spanId } }])
    const [one] = await kit.tasksOf(ada)
    expect(kit.telemetry.spans({ task: one! })).toHaveLength(2)
  })

  test('log lines: those of the library and those of the handler, with the ids of their span', async () => {
    const { lines, logger } = remembering({ level: 'warn' })
    const { tasks, app } = appOf(logger)
    using kit = takeOver(tasks)
    const response = await request(app).get('/nobody')
    await kit.drain()
    const failed = kit.telemetry.log({ outcome: 'failed', level: 'error', event: 'afterglow.task.run.exception' })
    expect(failed.fields).toMatchObject({
      'exception.message': 'no nobody',
      span_id: kit.telemetry.span({ outcome: 'failed' }).spanId,
    })
    expect(kit.telemetry.logs({ task: mail, request: response, level: 'info' })).toMatchObject([
      { message: 'sending', fields: { to: 'nobody', 'afterglow.task.attempt': 1 } },
      { message: 'sending', fields: { to: 'nobody', 'afterglow.task.attempt': 2 } },
    ])
    // The application's own logger gets its lines as ever.
    expect(lines.map(({ msg }) => msg)).toEqual(['task failed and will be retried', 'task failed'])
  })

  test("task.log is the application's own logger, with all that it can do", async () => {
    const { lines, logger } = remembering({ customLevels: { audit: 35 } })
    const { tasks } = appOf(logger)
    using kit = takeOver(tasks)
    tasks.add('audited', ({ log }) => {
      const own = log as unknown as pino.Logger<'audit'>
      own.child({ shop: 1 }).fatal('a child')
      own.audit('a level of its own')
    })
    await kit.idle()
    expect(lines.map(({ msg }) => msg)).toEqual(['a child', 'a level of its own', 'task completed'])
    expect(kit.telemetry.log({ level: 'fatal' })).toMatchObject({ message: 'a child', fields: { shop: 1 } })
  })

  test('lines of a thread are kept as well, whatever level the application logs at', async () => {
    const { tasks } = appOf()
    using kit = takeOver(tasks)
    tasks.add(renderCatalogue, { ms: 1 })
    await kit.idle()
    expect(kit.telemetry.logs({ task: renderCatalogue }).map(({ message }) => message)).toEqual([
      expect.stringMatching(/^rendered \d+ pages on a thread$/),
      'task completed',
    ])
  })

  test('metrics: the numbers that an SDK would collect, of these tasks alone', async () => {
    const { tasks, app } = appOf()
    tasks.add('before', () => {})
    await tasks.idle()
    using kit = takeOver(tasks)
    await request(app).get('/nobody')
    await kit.drain()
    const { telemetry } = kit
    expect(telemetry.metric('afterglow.task.settled', { 'afterglow.task.outcome': 'failed' })).toBe(1)
    expect(telemetry.metric('afterglow.task.submissions', { 'afterglow.submission.result': 'accepted' })).toBe(1)
    expect(telemetry.metric('afterglow.task.retries', { 'afterglow.task.name': 'send-mail' })).toBe(1)
    expect(telemetry.metric('afterglow.task.count')).toBe(0)
    expect(telemetry.metrics('afterglow.task.run.duration').map(({ count }) => count)).toEqual([1, 1])
    expect(telemetry.metric('no.such.metric')).toBe(0)
  })

  test('a finder that finds none, or several, says what there is', async () => {
    const { tasks } = appOf()
    using kit = takeOver(tasks)
    expect(() => kit.telemetry.span({ task: mail })).toThrow('expected one such span, found 0; captured were: none')
    tasks.add(mail, { to: 'ada' })
    await kit.drain()
    expect(() => kit.telemetry.span({ task: mail })).toThrow(
      'found 2; captured were:\n  - run send-mail 1 retried\n  - run send-mail 2 completed',
    )
    expect(() => kit.telemetry.log({ level: 'fatal' })).toThrow(
      '  - info afterglow.task.completed task completed send-mail',
    )
  })

  test('a task that never ran has a span all the same', async () => {
    const { tasks } = appOf()
    using kit = takeOver(tasks, { mode: 'off' })
    tasks.add(mail, { to: 'ada' }).cancel('not wanted')
    expect(kit.telemetry.span({ outcome: 'cancelled' }).attributes).toMatchObject({
      'afterglow.task.reason': 'not wanted',
    })
  })
})

describe.each(SDK_NAMES)('telemetry captured beside %s', (name) => {
  test('the SDK gets its own as ever, with the same ids, and work runs in its context', async () => {
    await using sdk = SDKS[name]()
    const { tasks } = appOf()
    using kit = takeOver(tasks)
    let active: string | undefined
    tasks.add('traced', () => {
      active = trace.getActiveSpan()?.spanContext().spanId
    })
    await kit.idle()
    const [exported] = sdk.spans()
    const captured = kit.telemetry.span()
    expect(exported).toMatchObject({ name: 'run traced', attributes: { 'afterglow.task.outcome': 'completed' } })
    expect([exported?.spanContext().spanId, active]).toEqual([captured.spanId, captured.spanId])
  })

  test('the SDK counts what ran while the tasks were taken over', async () => {
    forgetMetrics()
    await using sdk = SDKS[name]()
    const { tasks } = appOf()
    {
      using kit = takeOver(tasks)
      tasks.add('counted', () => {})
      await kit.idle()
    }
    const points = await sdk.points()
    const settled = points.filter(
      (point) => point.name === 'afterglow.task.settled' && point.attributes['afterglow.task.name'] === 'counted',
    )
    expect(settled.find(({ attributes }) => attributes['afterglow.task.outcome'] === 'completed')?.value).toBe(1)
    await tasks.close()
  })
})

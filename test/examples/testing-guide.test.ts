// The code of docs/testing.md, in its order; test/docs/testing.test.ts holds the two together.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Router } from '@koa/router'
import Koa from 'koa'
import { createTasks, defineTask } from 'koa-afterglow'
import { takeOver, takeOverEach } from 'koa-afterglow/testing'
import 'koa-afterglow/testing/jest'
import request from 'supertest'

const mailer = { sent: [] as string[], busy: 0 }
async function send(email: string): Promise<void> {
  if (mailer.busy-- > 0) throw new Error('the mail server is busy')
  mailer.sent.push(email)
}
function writeAuditRow(_what: string, _who: string): void {}

// --- the application

const sendWelcome = defineTask({
  name: 'send-welcome',
  retry: { attempts: 3 },
  async run({ email }: { email: string }, { log }) {
    log.info('sending')
    await send(email)
  },
})

const tasks = createTasks({ logger: false, register: [sendWelcome] })

const router = new Router()
router.post('/register/:email', (ctx) => {
  ctx.tasks.add(sendWelcome, { email: ctx.params['email'] ?? '' })
  ctx.tasks.add(writeAuditRow, 'registered', ctx.params['email'] ?? '')
  ctx.body = 'Registration successful'
})
const app = new Koa().use(tasks.middleware()).use(router.routes())

beforeEach(() => {
  mailer.sent = []
  mailer.busy = 0
})

describe('tasks in the hands of each test', () => {
  const kit = takeOverEach(tasks, {}, { beforeEach, afterEach })

  test('registering sends one welcome mail', async () => {
    const response = await request(app.callback()).post('/register/ada@example.com')

    expect(tasks).toHaveAddedOnce(sendWelcome, { email: 'ada@example.com' })
    expect(tasks).toHaveAdded(writeAuditRow, 'registered', expect.any(String))

    const [welcome] = await kit.tasksOf(response) // once they are done
    expect(welcome).toHaveSettled('completed')
    expect(mailer.sent).toEqual(['ada@example.com'])
  })

  test('it tries again after a minute', async () => {
    mailer.busy = 1
    const handle = tasks.add(sendWelcome, { email: 'ada@example.com' })
    await kit.idle()
    expect(handle).not.toHaveSettled() // it waits for its second attempt
    await kit.clock.advance(60_000)
    expect(handle).toHaveSettled('completed')
  })

  test('it gives up after three attempts', async () => {
    mailer.busy = 3
    tasks.add(sendWelcome, { email: 'ada@example.com' })
    await kit.drain()
    expect(sendWelcome).toHaveSettled('failed')
    expect(kit.task(sendWelcome).attempts).toHaveLength(3)
  })

  test('a failure is seen', async () => {
    mailer.busy = 3
    const response = await request(app.callback()).post('/register/ada@example.com')
    await kit.drain()

    const line = kit.telemetry.log({ task: sendWelcome, outcome: 'failed' })
    expect(line.fields['exception.message']).toBe('the mail server is busy')

    const span = kit.telemetry.span({ request: response, outcome: 'failed' })
    expect(span.attributes).toMatchObject({ 'afterglow.task.attempt': 3, 'afterglow.request.status_code': 200 })

    expect(kit.telemetry.metric('afterglow.task.retries', { 'afterglow.task.name': 'send-welcome' })).toBe(2)
  })
})

test('a welcome mail is sent', async () => {
  await using kit = takeOver(tasks)
  const response = await request(app.callback()).post('/register/ada@example.com')
  expect(tasks).toHaveAddedOnce(sendWelcome, { email: 'ada@example.com' })
  const [welcome] = await kit.tasksOf(response)
  expect(welcome).toHaveSettled('completed')
  expect(kit.telemetry.span({ task: sendWelcome }).attributes).toMatchObject({ 'afterglow.task.outcome': 'completed' })
})

test('step by step', async () => {
  using kit = takeOver(tasks, { mode: 'manual' })
  await request(app.callback()).post('/register/ada@example.com')
  expect(mailer.sent).toEqual([]) // nothing has run

  const first = await kit.runNext() // one attempt of the next task
  expect(first).toHaveSettled('completed')
  await kit.drain() // the rest, whatever time it takes
})

test('a mail server that hangs costs 30 seconds, of no one', async () => {
  using kit = takeOver(tasks, { mode: 'manual' })
  tasks.add('hangs', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)))
  const running = kit.runNext()
  await kit.clock.advance(30_000)
  expect(await running).toHaveSettled('timed_out')
})

test('a deploy waits for the mail', async () => {
  using kit = takeOver(tasks, { mode: 'manual' })
  tasks.add(sendWelcome, { email: 'ada@example.com' })
  const closing = tasks.close()
  await kit.drain()
  expect(await closing).toMatchObject({ settled: 1, interrupted: [] })
})

test('a task of its own', async () => {
  const double = defineTask({ name: 'double', run: (n: number, { attempt }) => attempt * n * 2 })
  const own = createTasks()
  using kit = takeOver(own)
  own.add(double, 21)
  await kit.idle()
  expect(kit.task(double).outcome).toMatchObject({ outcome: 'completed', value: 42 })
})

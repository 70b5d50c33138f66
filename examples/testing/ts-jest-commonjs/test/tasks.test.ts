import { takeOverEach } from 'koa-afterglow/testing'
import request from 'supertest'
import { app } from '../src/app'
import { indexProduct, mailer, search, sendWelcomeEmail, tasks, writeAuditRow } from '../src/tasks'

// Anew for each test of this file; one that leaves a task in flight fails.
const kit = takeOverEach(tasks)

describe('unit: the route adds its task', () => {
  test('once, with its arguments, and nothing is patched', async () => {
    const response = await request(app.callback()).post('/register/ada@example.com').expect(200)
    expect(tasks).toHaveAddedOnce(sendWelcomeEmail, { email: 'ada@example.com' })
    expect(tasks).toHaveAdded(sendWelcomeEmail, { email: expect.stringContaining('@') })
    expect(tasks).toHaveAdded(writeAuditRow, 'registered', 'ada@example.com')
    expect(tasks).not.toHaveAdded(indexProduct)
    expect(kit.task(sendWelcomeEmail)).toBeCausedBy(response)
    expect(kit.task(sendWelcomeEmail)).toBeCausedBy('POST /register/:email')
  })

  test('and the task does its work behind the response', async () => {
    const send = jest.spyOn(mailer, 'send').mockResolvedValue()
    const response = await request(app.callback()).post('/register/ada@example.com')
    const [welcome] = await kit.tasksOf(response)
    expect(welcome).toHaveSettled('completed')
    expect(send).toHaveBeenCalledTimes(1)
    expect(send).toHaveBeenCalledWith('ada@example.com', 'Welcome!')
  })

  test('and is tried again without anybody waiting for its backoff', async () => {
    jest.spyOn(mailer, 'send').mockRejectedValueOnce(new Error('busy')).mockResolvedValue()
    await request(app.callback()).post('/register/ada@example.com')
    await kit.drain()
    expect(kit.task(sendWelcomeEmail).attempts.map(({ outcome }) => outcome)).toEqual(['retried', 'completed'])
  })
})

describe('integration: what the task leaves', () => {
  test('its state is in the log', async () => {
    const response = await request(app.callback()).post('/register/ada@example.com')
    await kit.idle()
    const lines = kit.telemetry.logs({ task: sendWelcomeEmail, request: response })
    expect(lines.map(({ message }) => message)).toEqual(['sending', 'task completed'])
  })

  test('a failure is a line, a red span and a count, and its request was answered all the same', async () => {
    const response = await request(app.callback()).post('/product/lamp').expect(200)
    await kit.idle()
    expect(kit.task(indexProduct)).toHaveSettled('failed')
    const line = kit.telemetry.log({ task: indexProduct, outcome: 'failed' })
    expect(line).toMatchObject({ level: 'error', message: 'task failed' })
    expect(line.fields['exception.message']).toContain('ECONNREFUSED')
    expect(kit.telemetry.span({ request: response, outcome: 'failed' }).status).toMatchObject({ code: 2 })
    expect(kit.telemetry.metric('afterglow.task.settled', { 'afterglow.task.outcome': 'failed' })).toBe(1)
  })

  test('the search index of a test is up', async () => {
    jest.spyOn(search, 'index').mockResolvedValue()
    await request(app.callback()).post('/product/lamp')
    await kit.idle()
    expect(kit).toHaveSettled('completed')
  })
})

afterEach(() => jest.restoreAllMocks())
